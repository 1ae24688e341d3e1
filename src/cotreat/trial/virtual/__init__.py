"""Virtual trials: trials generated from the patient model (or a stated effect), cut, analysed and summarised."""

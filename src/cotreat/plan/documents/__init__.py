"""What is printed, sent or put into a calendar: sheets (HTML, PDF), calendar, tables and FHIR resources of a plan."""

"""Regimens that every part of the language is tried on."""

from __future__ import annotations

SENTENCES = (
    "iTBS 600 pulses at 120 % rMT to left DLPFC once daily, 5 days a week, for 6 weeks\n"
    "D-cycloserine 100 mg 90 minutes before each iTBS session for the first 2 weeks",
    "iTBS 5 days a week for 6 weeks\nescitalopram 10 mg daily from 4 weeks before iTBS\n"
    "raise escitalopram from 10 mg to 20 mg daily at the first iTBS",
    "switch sertraline 100 mg daily to venlafaxine 75 mg daily over 2 weeks",
    "add aripiprazole 5 mg daily from week 6",
    "ECT right unilateral 3 times a week until remission, at most 12 sessions\n"
    "then ECT weekly for 4 weeks, every 2 weeks for 8 weeks, then monthly for 36 weeks\n"
    "hold lorazepam from 24 hours before each ECT session\n"
    "CBT group weekly for 12 weeks from the last ECT\n"
    "nortriptyline to 100 ng/mL from the first ECT",
    "ketamine 0.5 mg/kg IV over 40 minutes 3 times a week for 2 weeks",
    "esketamine 84 mg nasal twice a week for 4 weeks then weekly for 4 weeks",
    "tDCS 2 mA 30 minutes to left DLPFC 5 days a week for 3 weeks",
    "taper venlafaxine 225 mg daily to 0 over 24 weeks by occupancy, steps every 2 weeks\n"
    "iTBS 5 days a week for 6 weeks then 2 days a week until the taper ends",
    "taper venlafaxine 225 mg daily to 0 over 24 weeks by occupancy, steps every 8 weeks\n"
    "iTBS 5 days a week from 1 week before to 4 weeks after each cut",
    "iTBS 5 days a week for 6 weeks\n"
    "if no response to iTBS by week 4 then ECT 3 times a week until remission, at most 12 sessions",
    "sham iTBS 5 days a week for 6 weeks",
    "iTBS 1800 pulses at 90 % rMT to left DLPFC 10 times a day for 5 days",
    "H-coil rTMS 18 Hz at 120 % rMT 5 days a week for 4 weeks then 2 days a week for 12 weeks",
    "rTMS 10 Hz at 120 % rMT to left DLPFC 25 sessions over 8 weeks",
    "exercise 3 times a week for 12 weeks",
    "stop lithium",
    "ECT bitemporal 3 times a week until remission, at most 12 sessions\n"
    "then nortriptyline to 100 ng/mL for 24 weeks\nand lithium to 0.7 mmol/L for 24 weeks",
    "taper diazepam 20 mg daily to 0 over 20 weeks, steps every 2 weeks\n"
    "iTBS 600 pulses at 120 % rMT to left DLPFC 5 days a week for 5 weeks then 2 days a week until the taper ends",
    "ECT 3 times a week until remission, at most 12 sessions, assessed before each session\n"
    "then ECT weekly for 4 weeks",
    "ECT weekly for 4 weeks then monthly for 8 weeks\nand lithium to 0.7 mmol/L for 12 weeks\nthen stop lithium",
    "lithium to 0.7 mmol/L\nECT 3 times a week for 4 weeks\nhold lithium from the first ECT until the last ECT",
    "ECT 3 times a week for 4 weeks\nlorazepam 1 mg twice daily\nstop lorazepam at the last ECT",
    "ketamine 0.5 mg/kg twice a week for 4 weeks\nCBT 60 minutes at each ketamine session",
    "escitalopram 10 mg daily for 4 weeks\nthen iTBS 5 days a week for 6 weeks\nCBT weekly for 12 weeks",
)

from __future__ import annotations
from dataclasses import dataclass
import difflib
@dataclass(frozen=True)
class S:
    id: str
    low: float
    high: float
T={s.id:s for s in [S("HAM-D6",0,22),S("HAM-D17",0,52),S("HAM-D21",0,64),S("HAM-D24",0,76),S("MADRS",0,60),S("QIDS-SR16",0,27),S("IDS-SR30",0,84),S("PHQ-9",0,27),S("BDI-II",0,63),S("DESS",0,43),S("CADSS",0,92),S("BDI",0,63),S("MADRS-S",0,54)]}
def known_scale(name:str)->S|None:
    return T.get(name)
def near_scales(name:str)->list[str]:
    return difflib.get_close_matches(name,list(T),n=3,cutoff=0.6)

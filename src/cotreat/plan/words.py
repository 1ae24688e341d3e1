"""Words of a plan in three languages. Korean and Japanese are translations that nobody has reviewed yet."""

from __future__ import annotations

from cotreat.safety.pack import LANGUAGES

_WORDS: dict[str, tuple[str, str, str]] = {
    "taper": ("Taper", "감량", "漸減"),
    "no_plan": ("No plan", "계획 없음", "計画なし"),
    "weeks": ("weeks", "주", "週"),
    "from": ("from", "시작일", "開始日"),
    "days": ("days", "일수", "日数"),
    "mg_a_day": ("mg/day", "mg/일", "mg/日"),
    "take": ("take", "복용", "服用"),
    "cut": ("cut", "감소", "減量"),
    "step": ("step", "폭", "幅"),
    "off_by": ("off by", "오차", "誤差"),
    "diazepam": ("= diazepam mg", "= 디아제팜 mg", "= ジアゼパム mg"),
    "stop": ("stop", "중단", "中止"),
    "hold": ("held", "유지", "維持"),
    "step back": ("step back", "한 단계 되돌림", "一段階戻す"),
    "steps_by": ("Steps", "단계", "段階"),
    "occupancy": ("equal steps of occupancy", "점유율이 같은 폭으로", "占有率を等しい幅で"),
    "proportion": ("a share of the latest dose", "직전 용량의 일정 비율", "直前の用量の一定割合"),
    "line": ("equal steps of dose", "용량이 같은 폭으로", "用量を等しい幅で"),
    "curve": ("Curve", "곡선", "曲線"),
    "interval": ("in brackets, what the curve may be", "괄호는 곡선의 가능 범위", "括弧内は曲線の取りうる範囲"),
    "beside": ("Beside it", "병행", "併用"),
    "dispensing": ("Dispensing list", "조제 목록", "調剤リスト"),
    "list_withheld": (
        "Dispensing list withheld until a prescriber confirms these strengths",
        "처방자가 다음 함량을 확인할 때까지 조제 목록 보류",
        "処方医が次の規格を確認するまで調剤リストは保留",
    ),
    "made_to_order": ("made to order by a pharmacy", "약국 조제 제제", "薬局での特別調製"),
    "releases": (
        "PR prolonged release, GR gastro-resistant: never split or crushed",
        "PR 서방형, GR 장용성: 쪼개거나 부수지 않음",
        "PR 徐放性、GR 腸溶性: 割らない、砕かない",
    ),
    "verdict": ("Safety", "안전성", "安全性"),
    "not_checked": (
        "not checked, because something is not known",
        "알 수 없는 항목이 있어 확인하지 않음",
        "不明な項目があり未確認",
    ),
    "not_for_print": (
        "Not for print: not yet known",
        "인쇄 불가: 아직 알 수 없음",
        "印刷不可: まだ不明",
    ),
    "on_the_day": (
        "Asked on the day, not checked now",
        "당일에 확인, 지금은 미확인",
        "当日に確認、今は未確認",
    ),
    "idle": (
        "Overrides that decide nothing (the rule did not fire, or a fact is missing)",
        "효력 없는 무시 결정 (규칙이 해당하지 않거나 정보가 없음)",
        "効力のない無効化 (規則に該当しないか、情報がない)",
    ),
    "would_help": ("What would help", "도움이 되는 것", "解決策"),
    "sentence": ("As sentences", "처방 문장", "処方文"),
    "again": ("Made by", "재현 명령", "再現コマンド"),
    "unreviewed": (
        "This is a translation that nobody has reviewed yet.",
        "아직 아무도 검토하지 않은 번역입니다.",
        "まだ誰も確認していない翻訳です。",
    ),
}


def say(key: str, language: str) -> str:
    """A word of a plan in a language (en, ko, ja)."""
    return _WORDS[key][LANGUAGES.index(language)]

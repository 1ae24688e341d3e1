"""The fixed words of a timing verdict in three languages. Korean and Japanese are not yet reviewed by a clinician."""

from __future__ import annotations

from typing import Literal

from cotreat.measures.errors import InputError
from cotreat.optimise.prose import PROSE

Language = Literal["en", "ko", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ko", "ja")

_WORDS: dict[str, tuple[str, str, str]] = PROSE | {
    "before better": ("before better", "먼저 쓰는 쪽이 나음", "先に使う方がよい"),
    "after better": ("after better", "나중에 쓰는 쪽이 나음", "後に使う方がよい"),
    "no difference that matters": (
        "no difference that matters",
        "의미 있는 차이 없음",
        "意味のある差はない",
    ),
    "cannot tell": (
        "cannot tell from today's evidence",
        "현재의 근거로는 알 수 없음",
        "現在の根拠では判断できない",
    ),
    "direct trial": ("direct trial: {names}", "직접 비교한 시험: {names}", "直接比較した試験: {names}"),
    "model only": (
        "model only, no direct trial",
        "모형에만 근거함, 직접 비교한 시험 없음",
        "モデルのみに基づく。直接比較した試験はない",
    ),
    "well": (
        "well at week {week} of all who started",
        "시작한 모든 환자 중 {week}주에 호전 상태인 비율",
        "開始した全患者のうち{week}週に良好な人の割合",
    ),
    "mean score": (
        "mean HAM-D17 score over the year",
        "1년 동안의 평균 HAM-D17 점수",
        "1年間の平均HAM-D17得点",
    ),
    "relapse": (
        "relapse by week {week} of all who started",
        "시작한 모든 환자 중 {week}주까지의 재발",
        "開始した全患者のうち{week}週までの再発",
    ),
    "equal stop date": ("equal stop date", "같은 종료일", "同じ終了日"),
    "equal drug-days": ("equal drug-days", "같은 투약 일수", "同じ投薬日数"),
    "before": ("before", "먼저", "先"),
    "with": ("with", "동시에", "同時"),
    "after": ("after", "나중에", "後"),
    "title": ("When should the drug come?", "약은 언제 써야 하는가?", "薬はいつ使うべきか"),
    "p before": (
        "Probability that before beats after",
        "먼저 쓰는 쪽이 나중에 쓰는 쪽보다 나을 확률",
        "先に使う方が後に使うより良い確率",
    ),
    "no start left": (
        "safety rules leave no start before, or none after, the stimulation",
        "안전 규칙 때문에 자극 전 또는 자극 후의 시작이 남지 않음",
        "安全規則により、刺激の前または後の開始が残らない",
    ),
    "no start asked": (
        "the window holds no start before, or none after, the stimulation",
        "기간 안에 자극 전 또는 자극 후의 시작이 없음",
        "期間内に、刺激の前または後の開始がない",
    ),
    "readings differ": (
        "equal stop date and equal drug-days point in different directions",
        "같은 종료일과 같은 투약 일수의 방향이 서로 다름",
        "同じ終了日と同じ投薬日数で方向が異なる",
    ),
    "readings agree": (
        "equal stop date and equal drug-days agree",
        "같은 종료일과 같은 투약 일수의 결과가 일치함",
        "同じ終了日と同じ投薬日数の結果が一致する",
    ),
    "entry day": (
        "day {day}, the same for every start",
        "{day}일, 모든 시작에서 동일",
        "{day}日、すべての開始で同じ",
    ),
    "before minus after": ("before minus after", "먼저 − 나중", "先 − 後"),
    "difference to the first session": (
        "difference to starting with the first session",
        "첫 회기와 함께 시작할 때와의 차이",
        "初回と同時に始めた場合との差",
    ),
    "well in short": ("well, per 100", "호전, 100명당", "良好、100人中"),
    "mean score in short": ("mean HAM-D17", "평균 HAM-D17", "平均HAM-D17"),
    "relapse in short": ("relapse, per 100", "재발, 100명당", "再発、100人中"),
    "difference in short": ("well: against start 0", "호전: 시작 0 대비", "良好：開始0との差"),
    "more is better": ("above zero is better", "0보다 크면 나음", "0より大きいほど良い"),
    "not known": ("not known", "알려지지 않은 범위", "未知の幅"),
    "without the drug": ("without the drug", "약 없이", "薬なし"),
    "start": ("start", "시작", "開始"),
    "weeks": ("weeks", "주", "週"),
    "hours": ("hours", "시간", "時間"),
    "drug days": ("drug days", "투약 일수", "投薬日数"),
    "safety": ("safety", "안전성", "安全性"),
    "regret": (
        "what a choice loses if an account were true",
        "어떤 가정이 맞을 때 각 선택이 잃는 것",
        "ある仮説が正しい場合に各選択が失うもの",
    ),
    "drivers": ("the difference goes with", "차이와 함께 움직이는 매개변수", "差と連動するパラメータ"),
    "prior-driven": ("prior-driven", "사전분포에 의존", "事前分布に依存"),
    "best": ("best allowed start", "허용된 시작 중 최선", "許容される開始のうち最良"),
    "course": ("sessions of the course", "치료 회기 기간", "治療セッションの期間"),
    "disclaimer": (
        "Research and decision support, not a medical device",
        "연구 및 의사결정 지원용이며 의료기기가 아님",
        "研究および意思決定の支援用であり、医療機器ではない",
    ),
    "stopped": (
        "stopped by safety rules",
        "안전 규칙에 의해 중지됨",
        "安全規則により中止",
    ),
    "unreviewed": (
        "",
        "이 번역은 임상의의 검토를 받지 않았습니다.",
        "この訳は臨床医の確認を受けていません。",
    ),
}


def word(key: str, language: Language = "en", **values: object) -> str:
    """A fixed word or phrase in a language."""
    return _WORDS[key][LANGUAGES.index(language)].format(**values)


def known_language(language: str) -> Language:
    """A language of the catalogue.

    Raises
    ------
    InputError
        It has none of this name.
    """
    for known in LANGUAGES:
        if language == known:
            return known
    raise InputError(f"unknown language {language!r}", examples=LANGUAGES)


def page_words(language: Language, **values: object) -> dict[str, str]:
    """Every text of the catalogue in a language; gaps that ``values`` does not fill stay for the page to fill."""

    class Gaps(dict[str, object]):
        def __missing__(self, key: str) -> str:
            return "{" + key + "}"

    return {k: texts[LANGUAGES.index(language)].format_map(Gaps(values)) for k, texts in _WORDS.items()}


def keys() -> tuple[str, ...]:
    """Every key of the catalogue."""
    return tuple(_WORDS)


def missing() -> list[tuple[str, str]]:
    """Keys without a text in some language (the note on translations is empty in English)."""
    return [
        (key, language)
        for key, texts in _WORDS.items()
        for language, text in zip(LANGUAGES, texts, strict=True)
        if not text and key != "unreviewed"
    ]

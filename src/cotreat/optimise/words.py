"""The fixed words of a timing verdict in three languages. Korean and Japanese are not yet reviewed by a clinician."""

from __future__ import annotations

from typing import Literal

from cotreat.measures.errors import InputError

Language = Literal["en", "ko", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ko", "ja")

_WORDS: dict[str, tuple[str, str, str]] = {
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

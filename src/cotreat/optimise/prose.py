"""The prose of the timing page in three languages. Korean and Japanese are not yet reviewed by a clinician."""

from __future__ import annotations

PROSE: dict[str, tuple[str, str, str]] = {
    # headings
    "where": ("Where the drug is put", "약을 어디에 놓는가", "薬をどこに置くか"),
    "before against after": ("Before against after", "먼저와 나중의 비교", "先と後の比較"),
    "wrong account": (
        "What it costs to act on the wrong account",
        "틀린 가정에 따라 행동할 때의 손실",
        "誤った仮説に従って行動したときの損失",
    ),
    "depends on": ("What the answer depends on", "답이 무엇에 달려 있는가", "答えが何に左右されるか"),
    "every start": (
        "Every start, with its safety verdict",
        "모든 시작 시점과 그 안전성 판정",
        "すべての開始時点とその安全性判定",
    ),
    "remake": ("How to remake this", "다시 만드는 방법", "再現する方法"),
    "not claimed": ("What this does not claim", "여기서 주장하지 않는 것", "ここで主張しないこと"),
    # paragraphs
    "how to read": (
        "The first session is at 0. Left of it the drug starts before, right of it after. Every start has the same "
        "patients, the same luck and the same day of entry. First the difference each start makes to the start at 0 in "
        "the same patients: its bands hold only what is not known about timing. Then the outcomes themselves, whose "
        "bands also hold what is not known about the illness and the treatments. Grey: the course of sessions.",
        "첫 회기가 0이다. 그 왼쪽은 약을 먼저, 오른쪽은 나중에 시작한 것이다. 모든 시작은 환자, 우연, 등록일이 "
        "같다. 먼저 같은 환자에서 각 시작이 0에서의 시작과 보이는 차이를 보인다. 그 띠에는 시점에 대해 알려지지 않은 "
        "것만 들어 있다. 그다음은 결과 자체이며, 그 띠에는 병과 치료에 대해 알려지지 않은 것도 들어 있다. "
        "회색: 치료 회기 기간.",
        "初回のセッションが0である。その左は薬を先に、右は後に始めた場合である。どの開始も患者、偶然、登録日が同じである。"
        "まず、同じ患者での0に始めた場合との差を示す。その帯には時期について未知のことだけが入る。次に転帰そのものを示し、"
        "その帯には病気と治療について未知のことも入る。灰色：治療セッションの期間。",
    ),
    "how compared": (
        "All allowed starts before the first session against all after the last, each averaged. A difference matters "
        "beyond 2 HAM-D points or 5 per 100.",
        "첫 회기 전에 허용된 모든 시작의 평균과 마지막 회기 후에 허용된 모든 시작의 평균을 비교한다. 차이는 "
        "HAM-D 2점 또는 100명당 5명을 넘을 때 의미가 있다.",
        "初回より前に許容されるすべての開始の平均を、最終回より後のすべての開始の平均と比べる。差はHAM-D 2点または"
        "100人中5人を超えるときに意味がある。",
    ),
    "if one account": (
        "If one account were true, what each choice would lose against the best of these choices (equal drug-days).",
        "한 가정이 맞을 때 각 선택이 이 선택들 중 최선에 비해 잃는 것(같은 투약 일수).",
        "ある仮説が正しい場合に、各選択がこれらの選択のうち最良のものに対して失うもの（同じ投薬日数）。",
    ),
    "accounts of the set": (
        "The accounts are those the draws of the parameter set belong to.",
        "가정은 매개변수 집합의 각 추출값이 속하는 것이다.",
        "仮説は、パラメータ集合の各抽出が属するものである。",
    ),
    "accounts made": (
        "Each account is the parameter set with some effects at zero; none was weighed against trials.",
        "각 가정은 일부 효과를 0으로 둔 매개변수 집합이며, 시험과 견주어 가중되지 않았다.",
        "各仮説は一部の効果を0としたパラメータ集合であり、試験に照らした重みづけはされていない。",
    ),
    "no driver": (
        "No parameter goes with the difference beyond chance.",
        "우연을 넘어 차이와 함께 움직이는 매개변수는 없다.",
        "偶然を超えて差と連動するパラメータはない。",
    ),
    "what drives": (
        "Rank correlation of a parameter with the difference over the draws. Prior-driven: the evidence hardly moved "
        "it, so the answer rests on an assumption.",
        "추출값에 걸친 매개변수와 차이의 순위 상관. 사전분포에 의존: 근거가 거의 움직이지 못했으므로 답이 "
        "가정에 기댄다.",
        "抽出にわたるパラメータと差の順位相関。事前分布に依存：根拠がほとんど動かさなかったため、答えは仮定に基づく。",
    ),
    "each is an arm": (
        "Each start is an arm of a comparison: compare/ beside this page holds a file for each, and cotreat compare "
        "with the same patients, draws and seed gives the same figures to the last digit.",
        "각 시작은 비교의 한 군이다. 이 페이지 옆의 compare/에 파일이 하나씩 있으며, 같은 환자 수, 추출 수, 시드로 "
        "cotreat compare를 실행하면 마지막 자리까지 같은 수치가 나온다.",
        "各開始は比較の一つの群である。このページの隣のcompare/にそれぞれのファイルがあり、同じ患者数、抽出数、シードで"
        "cotreat compareを実行すると、最後の桁まで同じ数値になる。",
    ),
    # limits
    "limit groups": (
        "These are figures about groups. They are not validated for individual patients.",
        "이것은 집단에 대한 수치이다. 개별 환자에 대해 검증되지 않았다.",
        "これは集団についての数値である。個々の患者については検証されていない。",
    ),
    "limit one drug": (
        "The curve moves one drug around one stimulation. It does not say whether the drug should be given at all.",
        "곡선은 한 가지 약을 한 가지 자극 주위에서 옮긴 것이다. 그 약을 써야 하는지는 말하지 않는다.",
        "曲線は一つの薬を一つの刺激の前後で動かしたものである。その薬を使うべきかどうかは示さない。",
    ),
    "limit form": (
        "The intervals cover what is not known about the parameters of the model, not the chance that the model itself "
        "has the wrong form; the regret under each rival shows some of that.",
        "구간은 모형의 매개변수에 대해 알려지지 않은 것을 담으며, 모형의 형태 자체가 틀릴 가능성은 담지 않는다. "
        "각 가정에서의 손실이 그 일부를 보여 준다.",
        "区間はモデルのパラメータについて未知のことを含むが、モデルの形そのものが誤っている可能性は含まない。各仮説のもとでの"
        "損失がその一部を示す。",
    ),
    "limit advice": (
        "Nothing here is a recommendation to start, stop or combine a treatment.",
        "여기의 어떤 내용도 치료를 시작하거나 중단하거나 병용하라는 권고가 아니다.",
        "ここに書かれたことは、治療の開始、中止、併用を勧めるものではない。",
    ),
    # tables and figures
    "reading": ("Reading", "읽는 방식", "読み方"),
    "all who started": ("all who started", "시작한 모든 환자", "開始した全患者"),
    "per 100": ("per 100", "100명당", "100人中"),
    "per 100 patients": ("per 100 patients", "환자 100명당", "患者100人中"),
    "patients per 100": ("patients per 100", "100명당 환자 수", "100人中の患者数"),
    "HAM-D17 points": ("HAM-D17 points", "HAM-D17 점", "HAM-D17 点"),
    "points HAM-D17": ("points HAM-D17", "HAM-D17 점", "HAM-D17 点"),
    "interval": ("{low} to {high}", "{low} ~ {high}", "{low}～{high}"),
    "median and": (
        "median, and what is not known (95 %)",
        "중앙값과 알려지지 않은 범위(95 %)",
        "中央値と未知の幅（95 %）",
    ),
    "line by line": ("The verdict line by line", "항목별 판정", "項目ごとの判定"),
    "outcome": ("Outcome", "결과", "転帰"),
    "before is better": ("Before better", "먼저가 나음", "先がよい"),
    "none that matters": ("No difference that matters", "의미 있는 차이 없음", "意味のある差はない"),
    "verdict on this line": ("Verdict on this line", "이 항목의 판정", "この項目の判定"),
    "if true": ("If this were true", "이것이 맞다면", "これが正しければ"),
    "regret in short": ("Regret", "손실", "損失"),
    "of the draws": ("{share} of the draws", "추출값의 {share}", "抽出の{share}"),
    "points": ("points", "점", "点"),
    "goes with": ("What the difference goes with", "차이와 함께 움직이는 것", "差と連動するもの"),
    "parameter": ("Parameter", "매개변수", "パラメータ"),
    "correlation": ("Correlation", "상관", "相関"),
    "informed by": ("Informed by", "정보의 출처", "情報源"),
    "data": ("data", "자료", "データ"),
    "start in days": ("Start, days", "시작, 일", "開始、日"),
    "start in hours": ("Start, hours", "시작, 시간", "開始、時間"),
    "show the table": ("Show the table", "표 보기", "表を表示"),
    "all starts": ("Every start", "모든 시작", "すべての開始"),
    "never the optimum": ("never the optimum", "최선으로 고르지 않음", "最良としては選ばない"),
    "entry": ("entry", "등록", "登録"),
    "since first session": (
        "the first session to the start of the drug",
        "첫 회기부터 약의 시작까지",
        "初回セッションから薬の開始まで",
    ),
    "since each session": ("each session to the dose", "각 회기부터 투약까지", "各セッションから投薬まで"),
    "remake with": ("Remake", "다시 만들기", "再現"),
    # safety verdicts
    "safety no rule": (
        "no rule fired ({checked} checked, {not_checked} not checked)",
        "해당하는 규칙 없음({checked}개 확인, {not_checked}개 미확인)",
        "該当する規則なし（{checked}件確認、{not_checked}件未確認）",
    ),
    "safety caution": ("caution", "주의", "注意"),
    "safety stopped": (
        "stopped, prescriber override needed",
        "중지, 처방의의 판단으로만 해제",
        "中止、解除には処方者の判断が必要",
    ),
    "safety not checked": ("not checked", "확인하지 않음", "未確認"),
    # rival accounts
    "averaged over all of them": ("averaged over all of them", "모든 가정의 평균", "すべての仮説の平均"),
    "all of them open": ("all of them open", "모두 열어 둠", "すべてを認める"),
    "drug adds only": ("drug adds only", "약은 더하기만 함", "薬は加算されるだけ"),
    "drug changes the yield of sessions": (
        "drug changes the yield of sessions",
        "약이 회기의 효과를 바꿈",
        "薬がセッションの効果を変える",
    ),
    "drug consolidates afterwards": (
        "drug consolidates afterwards",
        "약이 이후에 공고화함",
        "薬が後から定着させる",
    ),
    "no stored change": ("no stored change", "저장된 변화 없음", "蓄えられる変化なし"),
    "no part changes what another does": (
        "no part changes what another does",
        "어느 것도 다른 것의 작용을 바꾸지 않음",
        "互いの作用を変えない",
    ),
    "linear mood": ("linear mood", "선형 기분", "線形の気分"),
}
"""Texts by key, in the order of the languages of ``cotreat.optimise.words``."""

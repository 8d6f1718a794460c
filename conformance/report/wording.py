"""The meanings of verdicts, statuses and marks, in the words that every output uses."""

from conformance.words import SdkTestimony, Status, Verdict

VERDICT_MEANS: dict[Verdict, str] = {
    "supported": "Asked, and all of the effects were seen; a rule was seen, and never broken.",
    "partial": "The feature works; only something that an answer should do is missing.",
    "refused": "Declined with a 4xx or 501. Honest: a client can tell.",
    "ignored": "The server answered 200 and did nothing with it: the silent gap.",
    "broken": "An unreadable answer, a 5xx, a hang or a cut; or the answer lacks something that the API requires.",
    "blocked": "Not judged: a cause that is named elsewhere hides what this question asks; counts neither way.",
    "inconclusive": "Well-formed answers, but the model did not do its part: nothing was shown, for or against.",
    "not-run": "Not asked: a twin or dependency failed, the rate was limited, the budget was spent, or deselected.",
    "error": "Our own fault or the infrastructure's: never counted for or against the target.",
    "not-applicable": "Outside the target's capabilities or its version.",
}

STATUS_MEANS: dict[Status, str] = {
    "regression": "Worse than expected of this target, or broken in a way that was not known.",
    "new": "Worse than the API promises, and nothing says that this was known.",
    "improvement": "Better than expected: the entry that excused it is stale.",
    "known-gap": "Seen before, but not documented by the vendor.",
    "documented-gap": "The vendor documents this gap.",
    "disputed": "The makers of the server challenge it; it counts nowhere until a source or a recording decides.",
    "as-expected": "What was expected.",
}

SDK_MEANS: dict[SdkTestimony, str] = {
    "accepts": "The official SDK read the answer, and read what the wire says.",
    "rejects": "The official SDK raised an error.",
    "misreads": "The official SDK raised no error, but what it accumulated differs from the wire.",
}

DRIFT_MEANS = "The shape of the answer differs from the committed snapshot."
UNVERIFIED_MEANS = "Some of the questions of this row ended without an observation: k of n not verified."

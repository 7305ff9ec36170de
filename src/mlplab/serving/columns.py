"""What a row of a request must hold: the columns of the model as types, and what breaks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    create_model,
    with_config,
)
from typing_extensions import TypedDict

from mlplab.data.columns import ColumnPlan, raw_numbers
from mlplab.data.frames import RowError, pandas
from mlplab.data.kinds import TRUTH
from mlplab.errors import did_you_mean
from mlplab.serving.limits import Limits
from mlplab.serving.problems import Problem, Refusal, shown
from mlplab.workflows import TabularModel

__all__ = ["RowRules"]


def _is_truth(word: str) -> str:
    if word.strip().lower() not in {*TRUTH, "0", "1"}:
        message = "not a word of truth"
        raise ValueError(message)
    return word


_Number = Annotated[StrictFloat, Field(allow_inf_nan=False)]
_TYPES: dict[str, Any] = {
    "numeric": _Number | None,
    "boolean": StrictBool | Literal[0, 1] | Annotated[StrictStr, AfterValidator(_is_truth)] | None,
    "date": StrictStr | None,
    "categorical": StrictStr | StrictBool | StrictInt | _Number | None,
}
_WORDS = {
    "numeric": "a finite number or null",
    "boolean": "true or false, 1 or 0, a word such as 'yes' or 'no', or null",
    "date": "a date as text or null",
    "categorical": "a text, a number, true, false or null",
}


class RowRules:
    """The rules for the rows of one model.

    Parameters
    ----------
    model : TabularModel
    limits : Limits

    Attributes
    ----------
    request : type
        The pydantic model of the body of a request.
    """

    def __init__(self, model: TabularModel, limits: Limits) -> None:
        self._plans = {plan.name: plan for plan in model.preparation.plans_}
        known = [str(name) for name in model.preparation.feature_names_in_]
        self.ignored = tuple(name for name in known if name not in self._plans)
        self._target, self._limits = model.target, limits
        self._dates = [plan for plan in self._plans.values() if plan.kind == "date"]
        self.request = self._request_type()

    def describe(self) -> list[dict[str, Any]]:
        """Return name, kind and type of every column, for people and programs."""
        return [
            {"name": name, "kind": plan.kind, "type": _WORDS[plan.kind], **_more(plan)}
            for name, plan in self._plans.items()
        ]

    def check_dates(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Raise `Refusal` where a date cannot be read in the form that training saw."""
        for plan in self._dates:
            values = np.array([row[plan.name] for row in rows], dtype=object)
            try:
                raw_numbers(pandas().Series(values, name=plan.name), "date", plan.form)
            except RowError as error:
                problem = self._wrong_value(error.row, plan, rows[error.row][plan.name])
                raise Refusal(422, [problem]) from error

    def problems(self, mistakes: Iterable[Mapping[str, Any]]) -> list[Problem]:
        """Return what pydantic found wrong as problems, one for each place."""
        found: dict[tuple[Any, ...], Problem] = {}
        mistakes = list(mistakes)
        strange = [str(one["loc"][-1]) for one in mistakes if one["type"] == "extra_forbidden"]
        for mistake in mistakes:
            # Of a value that may be of several types pydantic complains once for each.
            place = tuple(mistake["loc"][1:4])
            if place not in found:
                found[place] = self._problem(place, mistake, strange)
        return list(found.values())

    def _request_type(self) -> type[BaseModel]:
        fields: dict[str, Any] = {
            name: Annotated[_TYPES[plan.kind], Field(description=_description(plan))]
            for name, plan in self._plans.items()
        }
        unused = Annotated[Any, Field(description="Not used by the model.")]
        fields |= dict.fromkeys(self.ignored, NotRequired[unused])
        make: Any = TypedDict
        row = with_config(ConfigDict(extra="forbid"))(make("Row", fields))
        rows = Annotated[list[row], Field(min_length=1, max_length=self._limits.rows)]  # type: ignore[valid-type]  # made here
        config = ConfigDict(extra="forbid")
        return create_model("PredictRequest", __config__=config, rows=(rows, ...))

    def _problem(
        self, place: tuple[Any, ...], mistake: Mapping[str, Any], strange: Sequence[str]
    ) -> Problem:
        if len(place) < 2 or place[0] != "rows":
            return self._about_body(place, mistake)
        if len(place) == 2:
            rule = "A row must be an object with a value for every column."
            way_out = 'For example {"rows": [{"column": 1.5}]}.'
            return Problem(_where(place), rule, shown(mistake["input"]), way_out)
        name = str(place[2])
        if mistake["type"] == "missing":
            return self._missing(place, name, strange)
        if name not in self._plans:
            return self._unknown(place, name)
        return self._wrong_value(place[1], self._plans[name], mistake["input"])

    def _about_body(self, place: tuple[Any, ...], mistake: Mapping[str, Any]) -> Problem:
        kind = mistake["type"]
        if kind == "json_invalid":
            fact = str(mistake.get("ctx", {}).get("error", "no JSON"))
            return Problem("body", "The body must be JSON.", fact, "Correct it at this place.")
        if kind in {"too_long", "too_short"}:
            n_rows = len(mistake["input"])
            rule = f"A request must have from 1 to {self._limits.rows:,} rows."
            way_out = "Send them in several requests." if n_rows else "Send a row."
            return Problem("rows", rule, f"{n_rows:,} rows", way_out)
        rule = 'The body must be JSON of the form {"rows": [{…}, …]}, sent as application/json.'
        received = shown(mistake["input"])
        way_out = 'Send the key "rows" alone, with a list of objects.'
        return Problem(_where(place) or "body", rule, received, way_out)

    def _missing(self, place: tuple[Any, ...], name: str, strange: Sequence[str]) -> Problem:
        wanted = self._plans[name].kind
        return Problem(
            f"rows[{place[1]}]",
            f"Every row must have the column {name!r}: {_WORDS[wanted]}.",
            f"a row without {name!r}",
            f"Add it; null says that the value is missing.{did_you_mean(name, strange)}",
        )

    def _unknown(self, place: tuple[Any, ...], name: str) -> Problem:
        valid = [*self._plans, *self.ignored]
        hint = did_you_mean(name, valid) or f" The columns are {', '.join(valid[:8])}."
        way_out = f"Leave it out.{hint}"
        if name in self._target:
            way_out = "Leave it out: it is what the model predicts."
        rule = "A row must only have columns that the table had in training."
        return Problem(_where(place), rule, f"the column {name!r}", way_out)

    @staticmethod
    def _wrong_value(row: int, plan: ColumnPlan, value: Any) -> Problem:
        form = f" in the form {plan.form}" if plan.kind == "date" and plan.form else ""
        return Problem(
            _where(("rows", row, plan.name)),
            f"The column {plan.name!r} must hold {_WORDS[plan.kind]}{form}.",
            shown(value),
            "Correct the value; null says that it is missing.",
        )


def _where(place: tuple[Any, ...]) -> str:
    """Return ``rows[3].age`` for ``("rows", 3, "age")``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def _description(plan: ColumnPlan) -> str:
    known = f" Training saw {', '.join(plan.categories[:10])}" if plan.categories else ""
    more = ", … ." if len(plan.categories) > 10 else "."
    return f"A {plan.kind} column: {_WORDS[plan.kind]}.{known + more if known else ''}"


def _more(plan: ColumnPlan) -> dict[str, Any]:
    if plan.kind == "categorical":
        return {"categories": list(plan.categories)}
    return {"form": plan.form} if plan.kind == "date" and plan.form else {}

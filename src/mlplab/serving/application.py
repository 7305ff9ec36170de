"""The HTTP application around one model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, create_model
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mlplab import __version__
from mlplab.errors import MLPLabError
from mlplab.serving.answering import answer, outline
from mlplab.serving.batching import Answers, Batcher
from mlplab.serving.columns import RowRules
from mlplab.serving.limits import Limits, LimitsMiddleware
from mlplab.serving.metrics import MetricsMiddleware, ServerMetrics
from mlplab.serving.problems import MOST, Problem, Refusal, problems_json, shown
from mlplab.workflows import TabularModel
from mlplab.workflows.predicting import tabular

__all__ = ["build_app"]

JSON, TEXT = "application/json", "text/plain; version=0.0.4; charset=utf-8"
PATHS = {
    "/": "What there is.",
    "/predict": "Predict rows.",
    "/model": "What the model is: columns, target, network.",
    "/health": "Whether the server answers.",
    "/metrics": "Figures of the server for Prometheus.",
    "/openapi.json": "All this for programs.",
}


class _ProblemBody(BaseModel):
    where: str
    rule: str
    received: str
    way_out: str


class _Problems(BaseModel):
    problems: list[_ProblemBody]
    count: int


def build_app(
    model: str | Path | TabularModel, limits: Limits | None = None, *, hosts: Sequence[str] = ()
) -> FastAPI:
    """Return the application that answers for a model.

    Parameters
    ----------
    model : str, Path or TabularModel
        A model file, the folder of a run, or the model itself.
    limits : Limits, optional
    hosts : sequence of str, optional
        Names under which the server may be addressed; any if empty. A server on the loopback
        address names its own, so that no web page can reach it under a name of that page.

    Raises
    ------
    ModelFileError
        The model cannot be read.
    ParameterError
        It is no model of a table.
    """
    limits = limits or Limits()
    served = tabular(model)
    rules, metrics = RowRules(served, limits), ServerMetrics()
    app = FastAPI(
        title="mlplab",
        version=__version__,
        description=_summary(served),
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    _add_predict(app, served, rules, Batcher(lambda rows: answer(served, rows), limits.rows,
                                             metrics.observe_table))  # fmt: skip
    _add_descriptions(app, served, rules, metrics)
    _add_handlers(app, rules)
    app.add_middleware(LimitsMiddleware, limits=limits)
    if hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(MetricsMiddleware, metrics=metrics, paths=frozenset(PATHS))
    return app


def _add_predict(app: FastAPI, model: TabularModel, rules: RowRules, batcher: Batcher) -> None:
    request_type = rules.request
    told: Any = dict.fromkeys(outline(model), (list[Any], ...))
    told |= {"classes": (list[Any], ...)} if model.classes else {"targets": (list[str], ...)}
    answer_type = create_model("PredictResponse", **told, notes=(list[str], ...))
    refusals: Any = {
        413: {"model": _Problems, "description": "The body is too large."},
        422: {"model": _Problems, "description": "The rows break a rule."},
        504: {"model": _Problems, "description": "There was no answer in time."},
    }

    async def predict(body: request_type) -> Response:  # type: ignore[valid-type]  # made for this model
        rows = body.rows  # type: ignore[attr-defined]  # same
        rules.check_dates(rows)
        answers = await batcher.predict(rows)
        return Response(_answer_json(model, answers), media_type=JSON)

    # FastAPI reads the type itself; as text it would be looked up outside this function.
    predict.__annotations__["body"] = request_type
    app.post(
        "/predict",
        summary=PATHS["/predict"],
        description="; ".join(f"`{name}`: {what}" for name, what in outline(model).items()),
        response_model=answer_type,
        responses=refusals,
    )(predict)


def _answer_json(model: TabularModel, answers: Answers) -> bytes:
    unseen = answers.pop("unseen")
    body: dict[str, Any] = dict(answers)
    if model.classes:
        body["classes"] = list(model.classes)
    else:
        body["targets"] = list(model.target)
    notes = [
        f"rows[{row}].{name}: training never saw {shown(word)}; it counts as no known category."
        for row, words in enumerate(unseen)
        for name, word in words.items()
    ]
    more = [f"… and {len(notes) - MOST} more."] if len(notes) > MOST else []
    body["notes"] = notes[:MOST] + more
    return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()


def _add_descriptions(
    app: FastAPI, model: TabularModel, rules: RowRules, metrics: ServerMetrics
) -> None:
    described = _described(model, rules)

    @app.get("/", summary=PATHS["/"])
    async def index() -> dict[str, str]:
        return PATHS

    @app.get("/model", summary=PATHS["/model"])
    async def about() -> dict[str, Any]:
        return described

    @app.get("/health", summary=PATHS["/health"])
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics", summary=PATHS["/metrics"], response_class=Response)
    async def figures() -> Response:
        return Response(metrics.text(), media_type=TEXT)


def _described(model: TabularModel, rules: RowRules) -> dict[str, Any]:
    description = model.describe()
    return {
        "kind": description.kind,
        "task": model.task,
        "target": list(model.target),
        "classes": list(model.classes),
        "columns": rules.describe(),
        "ignored_columns": list(rules.ignored),
        "answers": outline(model),
        "network": description.network.to_text().splitlines()[0],
        "choices": [str(choice) for choice in description.choices],
        "mlplab": __version__,
    }


def _summary(model: TabularModel) -> str:
    what = f"Predicts {', '.join(model.target)}" if model.target else "Codes and reconstructs rows"
    return f"{what} ({model.task}). GET /model tells what was trained."


def _add_handlers(app: FastAPI, rules: RowRules) -> None:
    def refuse(status: int, problems: list[Problem]) -> Response:
        return Response(problems_json(problems), status, media_type=JSON)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return refuse(422, rules.problems(error.errors()))

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> Response:
        return refuse(error.status, error.problems)

    @app.exception_handler(MLPLabError)
    async def unfit(_: Request, error: MLPLabError) -> Response:
        rule, _separator, rest = str(error).partition("; ")
        received, _separator, way_out = rest.partition(". ")
        return refuse(422, [Problem("rows", rule, received, way_out)])

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Response:
        rule = f"A request must be one of {', '.join(PATHS)}; POST for /predict, GET for the rest."
        received = f"{request.method} {shown(request.url.path)}"
        return refuse(error.status_code, [Problem("path", rule, received, str(error.detail))])

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        rule = "The server must answer every request that keeps the rules."
        way_out = "Look at the server's log."
        return refuse(500, [Problem("server", rule, type(error).__name__, way_out)])

"""The HTTP interface: right answers, and a rule for everything that is wrong."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.serving.asking import Ask, rows_of

import mlplab
from mlplab import workflows
from mlplab.errors import ParameterError
from mlplab.serving import Limits
from mlplab.serving.batching import Batcher
from mlplab.workflows import TabularModel


@pytest.fixture
def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return twenty rows without the target."""
    return rows_of(table.drop(columns="answer").head(20))


def test_answers_are_the_models_own(
    ask: Ask, model: TabularModel, table: pd.DataFrame, rows: list[dict[str, Any]]
) -> None:
    """Classes and probabilities are bit for bit those of the model on the table."""
    found = ask(model).post("/predict", json={"rows": rows}).json()
    frame = table.head(20)
    assert found["predictions"] == model.predict(frame).tolist()
    assert found["probabilities"] == model.predict_proba(frame).tolist()
    assert found["classes"] == ["never", "sure"]
    assert found["notes"] == []


@pytest.mark.parametrize(
    ("data", "task"),
    [("diabetes", "regression"), ("iris", "autoencoder"), ("breast_cancer", "classification")],
)
def test_every_task_is_served(ask: Ask, data: str, task: str) -> None:
    """Values in the units of the table, codes for an autoencoder, classes that are numbers."""
    settings = {"max_iter": 5}
    model: Any = workflows.fit(data, task=task, hidden=(4,), settings=settings, out=None).model
    frame = mlplab.data.load(data).frame.head(7)
    used = [plan.name for plan in model.preparation.plans_]
    found = ask(model).post("/predict", json={"rows": rows_of(frame[used])}).json()
    if task == "autoencoder":
        assert found["codes"] == model.estimator.transform(model.features(frame)).tolist()
        assert len(found["reconstruction_error"]) == 7
    else:
        assert found["predictions"] == model.predict(frame).tolist()
        assert found.get("targets", list(model.target)) == list(model.target)


def test_labels_are_lists(ask: Ask) -> None:
    """Of a multilabel model each row has the list of its labels."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "up": x[:, 0] > 0, "right": x[:, 1] > 0})
    frame = frame.astype({"up": int, "right": int})
    made = workflows.fit(frame, target=["up", "right"], settings={"max_iter": 60}, out=None)
    found = ask(made.model).post("/predict", json={"rows": [{"a": 2.0, "b": -2.0}]}).json()
    assert found["predictions"] == [["up"]]
    assert np.shape(found["probabilities"]) == (1, 2)


def test_null_is_a_missing_value_and_ignored_columns_may_stay_away(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]]
) -> None:
    """A column that training dropped may be sent or left out; null stands for a gap."""
    with_gap = {**rows[0], "size (cm)": None}
    without = {name: value for name, value in with_gap.items() if name != "customer_id"}
    answers = ask(model).post("/predict", json={"rows": [with_gap, without]}).json()
    assert answers["probabilities"][0] == answers["probabilities"][1]


def test_unseen_categories_are_noted_for_their_own_row(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]]
) -> None:
    """The answer says which value training never saw."""
    strange = [rows[0], {**rows[1], "colour": "pink"}]
    found = ask(model).post("/predict", json={"rows": strange}).json()
    assert found["notes"] == [
        'rows[1].colour: training never saw "pink"; it counts as no known category.'
    ]


@pytest.mark.parametrize(
    ("change", "where", "rule", "received", "way_out"),
    [
        ({"size (cm)": "tall"}, "rows[0].size (cm)", "finite number", '"tall"', "Correct"),
        ({"size (cm)": True}, "rows[0].size (cm)", "finite number", "true", "Correct"),
        ({"size (cm)": 10**400}, "rows[0].size (cm)", "finite number", "1000", "Correct"),
        ({"colour": ["red"]}, "rows[0].colour", "a text", '["red"]', "Correct"),
        ({"member": "perhaps"}, "rows[0].member", "true or false", '"perhaps"', "Correct"),
        ({"since": "yesterday"}, "rows[0].since", "a date", '"yesterday"', "Correct"),
        ({"since": 5}, "rows[0].since", "a date", "5", "Correct"),
        ({"color": "red"}, "rows[0].color", "only have columns", "'color'", "mean 'colour'"),
        ({"answer": "sure"}, "rows[0].answer", "only have columns", "'answer'", "predicts"),
    ],
)
def test_wrong_values_are_answered_with_the_rule(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]],
    change: dict[str, Any], where: str, rule: str, received: str, way_out: str,
) -> None:  # fmt: skip
    """Status 422; where, rule, what was received, and the way out."""
    found = ask(model).post("/predict", json={"rows": [{**rows[0], **change}]})
    assert found.status_code == 422
    (problem,) = found.json()["problems"]
    assert problem["where"] == where
    assert rule in problem["rule"]
    assert received in problem["received"]
    assert way_out in problem["way_out"]


def test_a_missing_column_is_named_with_its_misspelling(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]]
) -> None:
    """The column that is strange may be the one that is missing."""
    renamed = {("color" if name == "colour" else name): v for name, v in rows[0].items()}
    problems = ask(model).post("/predict", json={"rows": [renamed]}).json()["problems"]
    missing = next(one for one in problems if "without" in one["received"])
    assert missing["where"] == "rows[0]"
    assert "'colour'" in missing["rule"]
    assert "Did you mean 'color'?" in missing["way_out"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "form"),
        (b"{", "JSON"),
        (b"[1]", "form"),
        (b'{"rows": 1}', "form"),
        (b'{"rows": [1]}', "object"),
        (b'{"rows": []}', "from 1 to"),
        (b'{"row": [{}]}', "form"),
        (b'{"rows": [{"size (cm)": NaN}]}', "finite number"),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
    ],
)
def test_wrong_bodies_are_answered_with_a_rule(
    ask: Ask, model: TabularModel, body: bytes, words: str
) -> None:
    """Whatever comes, the answer is JSON with problems and no error of the server."""
    headers = {"content-type": "application/json"}
    found = ask(model).post("/predict", content=body, headers=headers)
    assert found.status_code in {400, 422}
    problems = found.json()["problems"]
    assert any(words in one["rule"] for one in problems)


def test_many_problems_are_counted(ask: Ask, model: TabularModel) -> None:
    """The first twenty are told."""
    found = ask(model).post("/predict", json={"rows": [{}] * 100}).json()
    assert len(found["problems"]) == 20
    assert found["count"] == 400


def test_limits_on_rows_and_bytes(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]]
) -> None:
    """More rows are 422, more bytes 413, declared or not; the largest allowed request passes."""
    size = len(json.dumps({"rows": rows[:3]}).encode()) + 50
    client = ask(model, Limits(rows=3, body=size))
    assert client.post("/predict", json={"rows": rows[:3]}).status_code == 200
    many = client.post("/predict", json={"rows": [{}] * 4})
    assert many.status_code == 422
    assert many.json()["problems"][0]["received"] == "4 rows"
    large = client.post("/predict", content=b" " * (size + 1))
    assert large.status_code == 413
    undeclared = client.post("/predict", content=iter([b" " * 100] * size))
    assert undeclared.status_code == 413
    assert "bytes" in undeclared.json()["problems"][0]["rule"]


def test_a_slow_answer_is_given_up(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 504 after the time that was allowed."""
    monkeypatch.setattr("mlplab.serving.application.answer", lambda *_: time.sleep(0.5))
    found = ask(model, Limits(seconds=0.05)).post("/predict", json={"rows": rows})
    assert found.status_code == 504
    assert "0.05 seconds" in found.json()["problems"][0]["rule"]


def test_an_error_of_the_server_is_told_without_its_inside(
    ask: Ask, model: TabularModel, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 500, no traceback, and the next request is answered."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    client = ask(model)
    with monkeypatch.context() as patched:
        patched.setattr("mlplab.serving.application.answer", broken)
        found = client.post("/predict", json={"rows": rows})
    assert found.status_code == 500
    assert "secret" not in found.text
    assert client.post("/predict", json={"rows": rows}).status_code == 200


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_are_positive(value: float) -> None:
    """A limit of nothing is a mistake."""
    with pytest.raises(ParameterError, match="`seconds` must be a positive limit"):
        Limits(seconds=value)


def test_description_has_columns_and_types(ask: Ask, model: TabularModel) -> None:
    """/model and the OpenAPI description name every column, its type, and the classes."""
    client = ask(model)
    about = client.get("/model").json()
    assert [one["kind"] for one in about["columns"]] == [
        *("numeric", "categorical", "boolean", "date")
    ]
    assert about["ignored_columns"] == ["customer_id"]
    assert about["classes"] == ["never", "sure"]
    openapi = client.get("/openapi.json").json()
    row = openapi["components"]["schemas"]["Row"]
    assert row["required"] == ["size (cm)", "colour", "member", "since"]
    assert row["additionalProperties"] is False
    assert {"type": "number"} in row["properties"]["size (cm)"]["anyOf"]
    assert "red" in row["properties"]["colour"]["description"]
    assert set(openapi["paths"]["/predict"]["post"]["responses"]) == {"200", "413", "422", "504"}


def test_health_and_metrics(ask: Ask, model: TabularModel, rows: list[dict[str, Any]]) -> None:
    """Requests by path and status, rows, and tables; invented paths make no new label."""
    client = ask(model)
    assert client.get("/health").json() == {"status": "ok"}
    client.post("/predict", json={"rows": rows})
    client.post("/predict", json={"rows": []})
    assert client.get("/invented").status_code == 404
    assert "POST for /predict" in client.get("/predict").json()["problems"][0]["rule"]
    text = client.get("/metrics").text
    assert 'mlplab_requests_total{path="/predict",status="200"} 1.0' in text
    assert 'mlplab_requests_total{path="/predict",status="422"} 1.0' in text
    assert 'mlplab_requests_total{path="other",status="404"} 1.0' in text
    assert "mlplab_rows_total 20.0" in text
    assert "invented" not in text


def test_other_names_are_refused(ask: Ask, model: TabularModel) -> None:
    """A page elsewhere cannot reach the loopback address under a name of its own."""
    client = ask(model, hosts=("127.0.0.1",))
    assert client.get("/health").status_code == 200
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 400


def test_a_model_without_preparation_is_refused() -> None:
    """Raw rows need it, and the error says so."""
    network = mlplab.MLPRegressor(hidden_layer_sizes=(2,)).initialize([[0.0]], [1.0])
    with pytest.raises(ParameterError, match="a model of a table"):
        mlplab.serving.build_app(network)


def test_requests_at_once_are_predicted_together_and_apart() -> None:
    """Each gets its own rows back; an error of one does not touch the others."""
    tables: list[int] = []

    def predict(rows: Any) -> dict[str, list[Any]]:
        time.sleep(0.01)
        if any(row["n"] < 0 for row in rows):
            raise ValueError("negative")
        return {"twice": [2 * row["n"] for row in rows]}

    async def all_at_once() -> list[Any]:
        batcher = Batcher(predict, 100, tables.append)
        requests = [batcher.predict([{"n": n}, {"n": n + 0.5}]) for n in range(-1, 120)]
        gone = asyncio.create_task(batcher.predict([{"n": 1000}]))
        await asyncio.sleep(0)
        gone.cancel()
        return await asyncio.gather(*requests, return_exceptions=True)

    first, *others = asyncio.run(all_at_once())
    assert isinstance(first, ValueError)
    assert [one["twice"] for one in others] == [[2 * n, 2 * n + 1] for n in range(120)]
    assert max(tables) <= 100
    assert 100 in tables

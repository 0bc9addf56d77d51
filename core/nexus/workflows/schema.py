"""Input schemas: from a signature to JSON Schema (draft 2020-12), to checked inputs, to the call's arguments.

Inputs are read as JSON, strictly: ``"5"`` is no number and ``1`` no boolean, but a path, a date, a UUID, an enum, a
dataclass or a model is read from the JSON that stands for it. A whole number may be written ``1.0``, as JSON
Schema has it. Only this module knows pydantic, and imports it when the first schema is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from nexus.errors import InvalidInput
from nexus.model import jsonvalue
from nexus.workflows.docstring import parse
from nexus.workflows.signature import Shape, annotation_of, documentation

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_UNKNOWN = "extra_forbidden"
_SHOWN = 80
_TOLD = 3


class InputSchema:
    """The inputs of one workflow.

    Args:
        name: The workflow's name, for titles and messages.
        shape: Its signature.

    Raises:
        InvalidInput: A parameter's type can't be read from JSON.
    """

    def __init__(self, name: str, shape: Shape) -> None:
        self._name = name
        self._names = {f"p{index}": parameter for index, parameter in enumerate(shape.inputs)}
        self._open = shape.open is not None
        self._model = self._build(shape)
        self.document = self._describe()

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse inputs that don't fit.

        Args:
            given: JSON values, or Python values that stand for them (a path, a date, a model).

        Returns:
            The inputs as JSON values, in the order given, without defaults filled in.

        Raises:
            InvalidInput: ``field`` names the first that doesn't fit, ``errors`` all of them.
        """
        values = to_json(given, None)
        self._validate(values)
        return values

    def arguments(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The Python values to call the workflow with; parameters that were not given are left to their defaults.

        Raises:
            InvalidInput: Recorded inputs no longer fit, because the workflow has changed.
        """
        model = self._validate(dict(inputs))
        found = {
            parameter.name: getattr(model, field)
            for field, parameter in self._names.items()
            if field in model.model_fields_set or _is_field(parameter.default)
        }
        return found | (model.model_extra or {})

    def _validate(self, values: dict[str, Any]) -> BaseModel:
        from pydantic import ValidationError

        try:
            return self._model.model_validate_json(jsonvalue.encode(values, "inputs"))
        except ValidationError as error:
            whole = _whole_numbers(values, error)
            if whole is None:
                raise self._refusal(error) from None
        try:
            return self._model.model_validate_json(jsonvalue.encode(whole, "inputs"))
        except ValidationError as error:
            raise self._refusal(error) from None

    def _build(self, shape: Shape) -> type[BaseModel]:
        from pydantic import ConfigDict, create_model
        from pydantic.errors import PydanticUserError

        lines = parse(documentation(shape.function)).parameters
        fields: dict[str, Any] = {}
        for field, parameter in self._names.items():
            annotation = _or_none(annotation_of(shape, parameter, self._name), parameter)
            fields[field] = (annotation, _field(parameter, annotation, lines.get(parameter.name)))
        settings = ConfigDict(strict=True, title=self._name, hide_input_in_errors=True, protected_namespaces=())
        try:
            if shape.open is None:
                return create_model(self._name, __config__=ConfigDict(**settings, extra="forbid"), **fields)
            base = _open_model(annotation_of(shape, shape.open, self._name), ConfigDict(**settings, extra="allow"))
            return create_model(self._name, __base__=base, **fields)
        except (PydanticUserError, TypeError, NameError) as error:
            raise self._unreadable(shape, error) from error

    def _unreadable(self, shape: Shape, error: Exception) -> InvalidInput:
        """Say which parameter it is: the model as a whole only says which type."""
        from pydantic import TypeAdapter

        for parameter in (*shape.inputs, *([shape.open] if shape.open is not None else [])):
            try:
                TypeAdapter(annotation_of(shape, parameter, self._name))
            except InvalidInput:
                raise
            except Exception:  # noqa: BLE001 - whatever a type's own hooks raise
                return InvalidInput(
                    f"workflow {self._name!r}: parameter {parameter.name!r} has the type {parameter.annotation!r},"
                    " which can't be read from JSON: use JSON types, dataclasses or models",
                    field=parameter.name,
                )
        return InvalidInput(f"workflow {self._name!r} can't be described: {error}", field="workflow")

    def _describe(self) -> dict[str, Any]:
        from pydantic.json_schema import GenerateJsonSchema

        class Quiet(GenerateJsonSchema):
            ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's own form

        return self._model.model_json_schema(by_alias=True, schema_generator=Quiet)

    def _refusal(self, error: ValidationError) -> InvalidInput:
        known = [parameter.name for parameter in self._names.values()]
        errors = [_problem(found, known) for found in error.errors(include_url=False, include_context=False)]
        # A misspelt name makes another one missing: what was misspelt explains both.
        errors.sort(key=lambda problem: problem["type"] != "unknown")
        told = "; ".join(problem["message"] for problem in errors[:_TOLD])
        rest = f"; and {len(errors) - _TOLD} more" if len(errors) > _TOLD else ""
        return InvalidInput(
            f"workflow {self._name!r}: {told}{rest}",
            field=errors[0]["field"], workflow=self._name, errors=errors,
        )  # fmt: skip


def to_json(given: Mapping[str, Any], field: str | None) -> dict[str, Any]:
    """JSON values of what may hold Python values such as paths, dates, dataclasses and models.

    Args:
        given: Names to values.
        field: What messages call the whole; ``None`` where each name speaks for itself.

    Raises:
        InvalidInput: Something has no JSON form; names its path.
    """
    values: dict[str, Any] = {}
    for key, value in given.items():
        if type(key) is not str:
            raise InvalidInput(f"{field or 'inputs'} has the key {key!r}: JSON keys are strings", field=str(key))
        path = key if field is None else f"{field}.{key}"
        try:
            jsonvalue.check(value, path)
            values[key] = value
        except InvalidInput:
            values[key] = jsonable(value, path)
            jsonvalue.check(values[key], path)
    return values


def jsonable(value: Any, field: str) -> Any:
    """The JSON value that stands for a Python value, by pydantic's rules.

    Raises:
        InvalidInput: There is none.
    """
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(value, inf_nan_mode="constants")
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{field} can't be written as JSON: {error}", field=field) from None


def _is_field(default: Any) -> bool:
    from pydantic.fields import FieldInfo

    return isinstance(default, FieldInfo)


def _or_none(annotation: Any, parameter: Parameter) -> Any:
    # ``name: str = None`` means what it says to whoever calls it.
    if parameter.default is None and annotation is not Any:
        from typing import Optional

        return Optional[annotation]  # noqa: UP045 - the type is only known here
    return annotation


def _field(parameter: Parameter, annotation: Any, line: str | None) -> Any:
    from pydantic import Field
    from pydantic.fields import FieldInfo

    described = any(isinstance(m, FieldInfo) and m.description for m in getattr(annotation, "__metadata__", ()))
    more: dict[str, Any] = {"description": line} if line and not described else {}
    if isinstance(parameter.default, FieldInfo):
        return FieldInfo.merge_field_infos(parameter.default, Field(alias=parameter.name, **more))
    if parameter.default is Parameter.empty:
        return Field(alias=parameter.name, **more)
    return Field(default=parameter.default, alias=parameter.name, **more)


def _open_model(kind: Any, config: Any) -> type[BaseModel]:
    from pydantic import BaseModel

    namespace = {"model_config": config, "__annotations__": {"__pydantic_extra__": dict[str, kind]}}
    return type("Open", (BaseModel,), {**namespace, "__module__": __name__})


def _whole_numbers(values: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    """The values with ``1.0`` written ``1`` where a whole number was asked for; ``None`` if that helps nothing."""
    wanted = [found["loc"] for found in error.errors(include_url=False) if found["type"] == "int_type"]
    changed = values
    for path in wanted:
        changed = _replaced(changed, path)
    return None if changed is values else changed


def _replaced(value: Any, path: Sequence[int | str]) -> Any:
    if not path:
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
    head, rest = path[0], path[1:]
    try:
        inner = value[head]
    except (KeyError, IndexError, TypeError):
        return value
    new = _replaced(inner, rest)
    if new is inner:
        return value
    copy = value.copy()
    copy[head] = new
    return copy


def _problem(found: Any, known: Sequence[str]) -> dict[str, Any]:
    field = _path(found["loc"])
    if found["type"] == _UNKNOWN and len(found["loc"]) == 1:
        close = get_close_matches(field, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"
        return {"field": field, "message": f"there is no input {field[:_SHOWN]!r}; {hint}", "type": "unknown"}
    if found["type"] == "missing":
        return {"field": field, "message": f"input {field!r} is missing: give it", "type": "missing"}
    value = _short(found["input"])
    rule = found["msg"][:1].lower() + found["msg"][1:]
    return {
        "field": field, "message": f"input {field!r} is {value}, which does not fit: {rule}", "type": "unfit",
        "value": value,
    }  # fmt: skip


def _path(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "inputs"


def _short(value: Any) -> str:
    text = jsonvalue.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 20]}…{text[-19:]}"

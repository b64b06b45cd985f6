"""Reading frames: every text is a message or garbage with a reason, and nothing raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.frames import Deviation
from csms.ocpp import message
from csms.ocpp.message import Call, CallError, CallResult, Garbage


def test_a_call_is_read() -> None:
    assert message.parse('[2,"a","Heartbeat",{}]') == Call("a", "Heartbeat", {})


@pytest.mark.parametrize("given_id", ["7", "0", "-1"])
def test_a_number_as_id_is_given_back_as_a_number(given_id: str) -> None:  # F39
    call = message.parse(f'[2,{given_id},"Heartbeat",{{}}]')
    assert isinstance(call, Call)
    assert message.result(call.id, {}) == f"[3,{given_id},{{}}]"


@pytest.mark.parametrize("type_id", ["1", "5", '"2"', "2.0", "true", "null", "-2"])
def test_a_message_of_an_unknown_type_is_ignored(type_id: str) -> None:  # F38
    garbage = message.parse(f'[{type_id},"a","Heartbeat",{{}}]')
    assert isinstance(garbage, Garbage)
    assert garbage.is_type_unknown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[2,null,"A",{}]', None),  # F39: there is nothing to answer under
        ('[2,"","A",{}]', None),
        ('[2,1.5,"A",{}]', None),
        ('[2,["a"],"A",{}]', None),
        ('[2,"' + "x" * 37 + '","A",{}]', "x" * 37),
        ('[2,"' + "x" * 256 + '","A",{}]', None),
        ('[2,"a"]', "a"),
        ('[2,"a",7,{}]', "a"),
        ('[2,"a","",{}]', "a"),
        ('[2,"a","A",{},1]', "a"),
        ('[3,"a"]', None),  # an answer is never answered
        ('[4,"a"]', None),
        ('[3,"' + "x" * 37 + '",{}]', None),
        ("{}", None),
        ("[]", None),
        ("", None),
        ("null", None),
        ('[2,"a","A",{"v":NaN}]', "a"),  # F31
        ('[2,"a","A",{"v":Infinity}]', "a"),
        ('[2,"a","A",{"v":1e999}]', "a"),
        ('[2,"a","A",{"v":' + "9" * 5000 + "}]", "a"),  # F30
        ('[2,"a","A",' + "[" * 40 + "]" * 40 + "]", "a"),
        ("[" * 100_000, None),
        ('[2,"a","A",{}', "a"),
        ("hello", None),
    ],
)
def test_what_is_no_message_is_garbage_with_the_id_to_answer_under(text: str, told: str | None) -> None:
    garbage = message.parse(text)
    assert isinstance(garbage, Garbage)
    assert garbage.id == told
    assert garbage.reason
    assert not garbage.is_type_unknown


def test_a_lone_surrogate_is_replaced_and_the_rest_is_read() -> None:  # F32
    call = message.parse('[2,"a","A",{"v":"x\\ud800y","w":"\\u0000"}]')
    assert call == Call("a", "A", {"v": "x\ufffdy", "w": "\x00"}, (Deviation.BAD_UNICODE,))


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        ('{"v":1,"v":2}', {"v": 2}),
        ('{"v":1,"\\u0076":2}', {"v": 2}),
        ('{"v":{"w":1,"w":2}}', {"v": {"w": 2}}),
    ],
)
def test_a_key_that_stands_twice_with_two_values_is_doubtful(payload: str, read: object) -> None:  # F31
    call = message.parse(f'[2,"a","A",{payload}]')
    assert isinstance(call, Call)
    assert (call.payload, call.repairs) == (read, (Deviation.KEY_TWICE,))
    assert call.doubt


def test_a_key_that_stands_twice_with_one_value_is_read() -> None:
    call = message.parse('[2,"a","A",{"v":{"w":"x","w":"x"}}]')
    assert call == Call("a", "A", {"v": {"w": "x"}}, (Deviation.KEY_TWICE,))


def test_a_call_may_leave_its_payload_out() -> None:
    assert message.parse('[2,"a","Heartbeat"]') == Call("a", "Heartbeat", {}, (Deviation.PAYLOAD_NULL,))


def test_a_message_of_too_many_values_is_doubtful_and_an_answer_of_so_many_garbage() -> None:  # F30
    values = ",".join(["1"] * 10_001)
    call = message.parse(f'[2,"a","A",[{values}]]')
    assert isinstance(call, Call)
    assert call.doubt
    answer = message.parse(f'[3,"a",[{values}]]')
    assert isinstance(answer, Garbage)
    assert answer.deviation is Deviation.TOO_BIG
    fitting = message.parse('[2,"a","A",{"v":"' + "," * 20_000 + '"}]')
    assert isinstance(fitting, Call)
    assert not fitting.doubt


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[4,"a","Code","Text",{"x":1}]', CallError("a", "Code", "Text", {"x": 1})),
        ('[4,"a","Code"]', CallError("a", "Code", "", {})),
        ('[4,"a",null,5,"x","y"]', CallError("a", "None", "5", "x")),
        ('[4,"a","' + "c" * 99 + '","' + "d" * 999 + '",{}]', CallError("a", "c" * 50, "d" * 255, {})),
    ],
)
def test_an_error_is_read_however_it_is_shaped(text: str, error: CallError) -> None:  # F41
    assert message.parse(text) == error


@pytest.mark.parametrize("payload", ["null", "[]", '"x"', "{}"])
def test_a_result_is_read_with_any_payload(payload: str) -> None:
    assert message.parse(f'[3,"a",{payload}]') == CallResult("a", json.loads(payload))


@given(st.text(max_size=80))
def test_no_text_makes_it_raise(text: str) -> None:
    message.parse(text)
    message.parse(f'[2,"a","A",{text}]')


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="utf-8"), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_what_one_side_writes_the_other_reads(payload: object) -> None:
    call = message.parse(json.dumps([2, "a", "A", payload], ensure_ascii=True))
    if isinstance(call, Call) and not call.repairs:
        assert call.payload == payload


@pytest.mark.parametrize(
    "text",
    [
        '[2,"a","ChangeConfiguration",{"key":"AuthorizationKey","value":"SECRET"}]',
        '[2,"a","ChangeConfiguration",{"value":"SEC\\"RET","key":"AuthorizationKey"}]',
        '[3,"a",{"configurationKey":[{"key":"authorizationkey","readonly":false,"value":"SECRET"}]}]',
        '[2,"a","UpdateFirmware",{"location":"ftp://user:SECRET@host/file"}]',
    ],
)
def test_the_journal_keeps_no_keys_and_passwords(text: str) -> None:  # must-pass 40
    kept = message.redacted(text)
    assert "SECRET" not in kept
    assert "RET" not in kept.replace("…", "")
    json.loads(kept)


def test_the_journal_keeps_everything_else_as_it_was() -> None:
    text = '[2,"a","StartTransaction",{"idTag":"04A2","x":"ü"}]'
    assert message.redacted(text) == text
    assert message.redacted("a\x00b") == "a\ufffdb"

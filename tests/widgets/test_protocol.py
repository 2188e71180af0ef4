"""What a front end of another maker meets, VS Code's for one: messages and a bundle, no browser."""

import json
import queue

import pytest

jupyter_client = pytest.importorskip("jupyter_client")

VIEW = "application/vnd.jupyter.widget-view+json"
CODE = """
import lam_nb as lam, lam_widgets
ds = lam.attribute("fsrcnn", lam.images.downscale(lam.images.sample("bricks"), 4), (96, 96, 16), steps=3)
scrubber = lam_widgets.Scrubber(ds)
scrubber
"""


class Front:
    """A front end that only speaks: it sends and keeps messages."""

    def __init__(self):
        self.manager, self.client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
        self.messages = []

    def runs(self, code):
        """Run a cell, and return what it displays."""
        asked = self.client.execute(code)
        found = self.waits(asked)
        assert "error" not in found, found["error"]
        return found.get("execute_result", [{}])[0].get("data")

    def sends(self, comm, state):
        """Set traits of a widget, as a drag does."""
        content = {"comm_id": comm, "data": {"method": "update", "state": state, "buffer_paths": []}}
        message = self.client.session.msg("comm_msg", content)
        self.client.shell_channel.send(message)
        return self.waits(message["header"]["msg_id"])

    def waits(self, asked):
        """Keep messages until the kernel is done; what it sent because of this, by its type."""
        found = {}
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            self.messages.append(message)
            if message["parent_header"].get("msg_id") != asked:
                continue
            found.setdefault(message["msg_type"], []).append(message["content"])
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found

    def closes(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def front():
    front = Front()
    yield front
    front.closes()


@pytest.fixture(scope="module")
def shown(front):
    return front.runs(CODE)


def opened(front, comm):
    return next(one for one in front.messages if one["msg_type"] == "comm_open" and one["content"]["comm_id"] == comm)


def test_a_display_is_a_view_and_a_picture_for_who_has_none(shown):
    assert {VIEW, "image/png", "text/plain"} <= set(shown)
    assert shown[VIEW]["version_major"] == 2 and len(shown[VIEW]["model_id"]) == 32


def test_a_widget_opens_with_all_that_draws_it_and_its_pictures_are_binary(front, shown):
    message = opened(front, shown[VIEW]["model_id"])
    state = message["content"]["data"]["state"]
    assert message["content"]["target_name"] == "jupyter.widget"
    assert message["metadata"]["version"].startswith("2.")
    assert state["_model_module"] == state["_view_module"] == "anywidget"
    assert "export default" in state["_esm"] and "http" not in state["_esm"].replace("http://www.w3.org", "")
    assert len(message["content"]["data"]["buffer_paths"]) == len(message["buffers"]) > 0
    assert len(json.dumps(message["content"])) < 200_000  # pictures are not in it


def test_what_a_front_end_sets_is_a_value_in_the_next_cell(front, shown):
    comm = shown[VIEW]["model_id"]
    front.sends(comm, {"step": 1, "pixel": [4, 7]})
    assert front.runs("(scrubber.step, tuple(scrubber.pixel))")["text/plain"] == "(1, (4, 7))"


def test_what_a_cell_sets_is_sent_once_and_alone(front, shown):
    front.runs("scrubber.step = 0")  # whatever it was: tests may run by themselves
    front.messages.clear()
    front.runs("scrubber.step = 2")
    updates = [one["content"]["data"] for one in front.messages if one["msg_type"] == "comm_msg"]
    changed = [one["state"] for one in updates if one["method"] == "update"]
    assert len(changed) == 1 and changed[0]["step"] == 2 and "_esm" not in changed[0]


def test_a_wrong_value_is_refused_and_the_widget_goes_on(front, shown):
    comm = shown[VIEW]["model_id"]
    before = front.runs("scrubber.step")["text/plain"]
    (error,) = front.sends(comm, {"step": 99})["error"]
    assert "step: got 99, expected 0 to 2" in error["evalue"]
    assert front.runs("scrubber.step")["text/plain"] == before
    front.sends(comm, {"step": 0})
    assert front.runs("scrubber.step")["text/plain"] == "0"


def test_a_widget_that_is_closed_says_so(front, shown):
    front.messages.clear()
    front.runs("scrubber.close()")
    closed = [one["content"]["comm_id"] for one in front.messages if one["msg_type"] == "comm_close"]
    assert shown[VIEW]["model_id"] in closed
    with pytest.raises(queue.Empty):
        front.client.get_iopub_msg(timeout=0.2)

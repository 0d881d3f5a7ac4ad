"""native-python plugins as a person meets them: start, run, dialogs, log, errors, stop, reload."""

from __future__ import annotations

import re
import textwrap

import pytest
from playwright.async_api import expect

from support.browser import Person
from support.plugin_files import native_plugin, plugin_file

ASKER = native_plugin(
    "Asker",
    """
    class Asker:
        async def setup(self):
            self.runs = 0
            print("Asker is set up")

        async def run(self, ctx):
            self.runs += 1
            name = await api.prompt("Who are you?", "nobody")
            await api.alert(f"Welcome, {name}.")
            return f"run {self.runs} for {name}"

    api.export(Asker())
    """,
)


async def answer(person: Person, text: str) -> None:
    question = person.dialog("Question")
    await expect(question).to_contain_text("Who are you?")
    await question.get_by_role("textbox", name="Answer").fill(text)
    await question.get_by_role("button", name="OK").click()
    await expect(person.dialog("Message")).to_contain_text(f"Welcome, {text}.")
    await person.dialog("Message").get_by_role("button", name="OK").click()


async def test_the_main_job(person: Person) -> None:
    """Drop a plugin, press Run, answer its dialog, see its result."""
    await person.load(ASKER, "Asker")
    await person.run("Asker")
    await person.sees_state("Asker", "Running")
    await answer(person, "Ada")
    await person.sees_outcome("Asker", re.compile(r"Finished in .* s: run 1 for Ada"))
    await person.run("Asker")
    await answer(person, "Grace")
    await person.sees_outcome("Asker", re.compile(r"run 2 for Grace"))
    log = await person.opens_log("Asker")
    await expect(log.get_by_text("Asker is set up")).to_be_visible()
    await person.sees_state("Asker", "Ready")


async def test_the_first_template_asks_and_answers(person: Person) -> None:
    await person.template("Hello Python")
    await person.sees_state("Hello Python", "Ready")
    await person.run("Hello Python")
    form = person.dialog("Hello Python")
    field = form.get_by_role("spinbutton", name="Count the prime numbers up to")
    await expect(field).to_have_value("20000")
    await expect(field).to_be_focused()
    await person.screenshot("dialog")
    await field.fill("5")
    await expect(form.get_by_text("At least 10.")).to_be_visible()
    await expect(form.get_by_role("button", name="OK")).to_be_disabled()
    await field.fill("100")
    await form.get_by_role("button", name="OK").click()
    await expect(person.dialog("Message")).to_contain_text("There are 25 prime numbers up to 100.")
    await person.screenshot("answer")
    await person.dialog("Message").get_by_role("button", name="OK").click()
    await person.sees_outcome("Hello Python", re.compile(r"Finished in .* s: 25"))


@pytest.mark.parametrize(
    "opening",
    ["from imjoy import api", "from imjoy_rpc import api", "import imjoy\napi = imjoy.api", "pass"],
    ids=["imjoy", "imjoy_rpc", "module", "global"],
)
async def test_api_is_found_where_plugins_look(person: Person, opening: str) -> None:
    script = """
class Plugin:
    def setup(self):
        pass

    async def run(self, ctx):
        return "echoed " + await api.echo("a word")

api.export(Plugin())
"""
    await person.load(plugin_file("Looker", opening + "\n" + script), "Looker")
    await person.run("Looker")
    await person.sees_outcome("Looker", re.compile("echoed a word"))


SYNC_OBJECT = """
class Plugin:
    def setup(self):
        self.ready = True
    def run(self, ctx):
        return f"ready: {self.ready}, radius: {ctx.config.radius}, same: {ctx['config']['radius']}"
api.export(Plugin())
"""
ASYNC_DICT = """
ready = {}
async def setup():
    ready["yes"] = True
async def run(ctx):
    return f"ready: {ready['yes']}, radius: {ctx.config.radius}, same: {ctx['config']['radius']}"
api.export({"setup": setup, "run": run, "name": "just a value"})
"""
NO_SETUP = """
def run(ctx):
    return f"ready: True, radius: {ctx.config.radius}, same: {ctx['config']['radius']}"
api.export({"run": run})
"""


@pytest.mark.parametrize(
    "script", [SYNC_OBJECT, ASYNC_DICT, NO_SETUP], ids=["sync object", "async dict", "no setup"]
)
async def test_functions_of_every_kind_run_with_the_form(person: Person, script: str) -> None:
    ui = "Radius {id: 'radius', type: 'number', min: 1, max: 9, placeholder: 4}"
    card = await person.load(native_plugin("Shape", script, ui=ui), "Shape")
    await person.run("Shape")
    await person.sees_outcome("Shape", "ready: True, radius: 4, same: 4")
    await card.get_by_role("spinbutton", name="Radius").fill("7")
    await person.run("Shape")
    await person.sees_outcome("Shape", "ready: True, radius: 7, same: 7")


async def test_what_a_plugin_says_is_seen_live(person: Person) -> None:
    script = """
    import asyncio, sys

    class Talker:
        async def setup(self):
            pass

        async def run(self, ctx):
            print("printed")
            print("complained", file=sys.stderr)
            api.log("logged")
            api.error("went wrong")
            await api.showMessage("a message for you", 60)
            await api.showStatus("counting sheep")
            await api.showSnackbar("a snack", 60)
            await api.showProgress(40)
            await api.progress(70)
            await api.confirm("Go on?")
            await api.showProgress(100)

    api.export(Talker())
    """
    card = await person.load(native_plugin("Talker", script), "Talker")
    log = await person.opens_log("Talker")
    await person.run("Talker")
    for line in ("printed", "complained", "logged", "went wrong"):
        await expect(log.get_by_text(line)).to_be_visible()
    question = person.dialog("Please confirm")
    await expect(question).to_contain_text("Go on?")
    await person.screenshot("everything-said")
    await expect(person.page.get_by_role("banner").get_by_text("counting sheep")).to_be_attached()
    await expect(card.get_by_role("status").last).to_have_text("counting sheep")
    await expect(person.page.get_by_text("a message for you").first).to_be_attached()
    await expect(person.page.get_by_text("a snack").first).to_be_attached()
    await expect(person.page.get_by_label("Progress", exact=True)).to_have_attribute("value", "40")
    await expect(card.get_by_label("Progress of Talker")).to_have_attribute("value", "70")
    await question.get_by_role("button", name="OK").click()
    await person.sees_outcome("Talker", "Finished")
    await expect(person.page.get_by_label("Progress", exact=True)).to_have_count(0)
    await person.page.get_by_role("button", name=re.compile("^Messages")).click()
    panel = person.page.get_by_role("complementary", name="Messages")
    await expect(panel.get_by_text("a message for you")).to_be_visible()
    await expect(panel.get_by_text("a snack")).to_be_visible()


async def test_an_error_in_run_has_the_plugins_own_line_numbers(person: Person) -> None:
    source = native_plugin(
        "Faulty",
        """
        def deep():
            return {}["not there"]

        class Faulty:
            def setup(self):
                pass
            def run(self, ctx):
                return deep()

        api.export(Faulty())
        """,
    )
    line = source.split("\n").index('    return {}["not there"]') + 1
    await person.load(source, "Faulty")
    await person.run("Faulty")
    await person.sees_outcome("Faulty", "KeyError: 'not there'")
    log = await person.opens_log("Faulty")
    await expect(log).to_contain_text(f'File "Faulty.imjoy.html", line {line}, in deep')
    await expect(log).to_contain_text('return {}["not there"]')
    await expect(log).not_to_contain_text("imjoy_worker")
    await person.screenshot("error-in-run")
    await person.sees_state("Faulty", "Ready")


async def test_a_syntax_error_in_python_has_its_line(person: Person) -> None:
    source = native_plugin("Typo", "def setup(:\n    pass")
    line = source.split("\n").index("def setup(:") + 1
    await person.drop(source)
    note = await person.sees_failure("Typo")
    await expect(note).to_contain_text("SyntaxError")
    await expect(await person.sees_last_lines(note)).to_contain_text(
        f'File "Typo.imjoy.html", line {line}'
    )
    await person.screenshot("syntax-error-python")


async def test_a_plugin_is_stopped_and_started_again(person: Person) -> None:
    script = """
    class Leaver:
        def setup(self):
            print("here")
        def run(self, ctx):
            return "ran"
        def exit(self):
            print("exit was called", flush=True)
    api.export(Leaver())
    """
    before = set(person.engine.workers())
    await person.load(native_plugin("Leaver", script), "Leaver")
    log = await person.opens_log("Leaver")
    mine = set(person.engine.workers()) - before
    assert mine
    await person.presses("Leaver", "Stop")
    await person.sees_state("Leaver", "Stopped")
    await expect(log.get_by_text("exit was called")).to_be_visible()
    assert not mine & set(person.engine.workers())
    await expect(person.card("Leaver").get_by_role("button", name="Run")).to_have_count(0)
    await person.presses("Leaver", "Start")
    await person.sees_state("Leaver", "Ready")
    await person.run("Leaver")
    await person.sees_outcome("Leaver", "ran")
    await person.presses("Leaver", "Remove")
    question = person.dialog("Remove Leaver?")
    await expect(question).to_contain_text("environment stays in the engine's store")
    await question.get_by_role("button", name="Cancel").click()
    await expect(person.card("Leaver")).to_be_visible()
    await person.presses("Leaver", "Remove")
    await question.get_by_role("button", name="Remove").click()
    await expect(person.card("Leaver")).to_have_count(0)


async def test_a_plugin_is_edited_and_reloaded(person: Person) -> None:
    script = """
    api.export({"setup": lambda: None, "run": lambda ctx: "the old words"})
    """
    source = native_plugin("Draft", script)
    await person.load(source, "Draft")
    await person.run("Draft")
    await person.sees_outcome("Draft", "the old words")
    await person.presses("Draft", "Edit")
    editor = person.window("Draft: source")
    area = editor.get_by_role("textbox", name="Source of Draft")
    await area.fill(source.replace("the old words", "the new words"))
    await expect(editor).to_contain_text("Changed, not loaded yet.")
    await person.screenshot("editor")
    question = person.dialog("Discard the changes?")
    for answer in ("Cancel", "Discard"):
        await editor.get_by_role("button", name="Close Draft: source").click()
        await question.get_by_role("button", name=answer).click()
        await expect(question).to_have_count(0)
        if answer == "Cancel":
            await person.presses("Draft", "Edit")
            await expect(editor).to_have_count(1)
            await expect(area).to_have_value(re.compile("the new words"))
    await expect(editor).to_have_count(0)
    await person.presses("Draft", "Edit")
    await expect(area).to_have_value(source)
    await area.fill(source.replace("the old words", "the new words"))
    await editor.get_by_role("button", name="Save and reload").click()
    await expect(editor).to_contain_text("No changes.")
    await person.sees_state("Draft", "Ready")
    await person.run("Draft")
    await person.sees_outcome("Draft", "the new words")
    await person.presses("Draft", "Reload")
    await person.sees_state("Draft", "Ready")
    await person.run("Draft")
    await person.sees_outcome("Draft", "the new words")


async def test_a_python_script_is_edited_as_the_file_that_it_is(person: Person) -> None:
    person.watch.may_say.append("is no package")
    source = textwrap.dedent(
        """\
        # /// script
        # dependencies = []
        # [tool.imjoy]
        # name = "Syntax"
        # description = "The first."
        # ///
        def run(ctx):
            raise ValueError("no words")
        api.export({"run": run})
        """
    )
    await person.drop(source, "syntax.py")
    await person.sees_state("Syntax", "Ready")
    log = await person.opens_log("Syntax")
    await person.run("Syntax")
    await expect(log).to_contain_text('File "syntax.py", line 8, in run')
    await person.sees_outcome("Syntax", "ValueError: no words (line 8 of the plugin)")
    await person.presses("Syntax", "Edit")
    editor = person.window("Syntax: source")
    area = editor.get_by_role("textbox", name="Source of Syntax")
    await expect(area).to_have_value(source)
    async with person.page.expect_download() as saved:
        await editor.get_by_role("button", name="Download").click()
    assert (await saved.value).suggested_filename == "syntax.py"
    metadata = '["!no"]'
    await area.fill(source.replace("[]", metadata).replace("The first.", "The second."))
    await editor.get_by_role("button", name="Save and reload").click()
    await person.sees_state("Syntax", "Failed")
    await expect(person.card("Syntax")).to_contain_text("The second.")
    await expect(person.card("Syntax")).to_contain_text("'!no' is no package")
    person.watch.may_say.append("was never closed")
    await area.fill(source.replace("run(ctx)", "run(ctx"))
    await editor.get_by_role("button", name="Save and reload").click()
    await expect(person.card("Syntax")).to_contain_text(
        "SyntaxError: '(' was never closed (line 7 of the plugin)"
    )


async def test_the_docs_of_a_plugin_are_read_in_a_window(person: Person) -> None:
    docs = "<docs>\nIt **counts** sheep.\n</docs>\n"
    script = "api.export({'setup': lambda: None})"
    await person.load(docs + native_plugin("Counter", script), "Counter")
    await person.presses("Counter", "Docs")
    window = person.window("Counter: docs")
    await expect(window.get_by_role("heading", name="Counter", exact=True).last).to_be_visible()
    await expect(window.get_by_text("counts")).to_be_visible()


async def test_the_same_plugin_twice_is_one_card(person: Person) -> None:
    await person.load(ASKER, "Asker")
    await person.load(ASKER, "Asker")
    await expect(person.page.get_by_role("article")).to_have_count(1)


async def test_two_tags_are_chosen_on_the_card(person: Person) -> None:
    source = native_plugin(
        "Tagged",
        "api.export({'setup': lambda: None, 'run': lambda ctx: f'tag {api.TAG}'})",
        tags=["CPU", "GPU"],
        requirements={"CPU": [], "GPU": []},
        env={"CPU": "", "GPU": ""},
    )
    card = await person.load(source, "Tagged")
    await person.run("Tagged")
    await person.sees_outcome("Tagged", "tag CPU")
    await card.get_by_role("combobox").select_option("GPU")
    await person.sees_state("Tagged", "Ready")
    await person.run("Tagged")
    await person.sees_outcome("Tagged", "tag GPU")


async def test_an_operation_has_its_own_form_and_button(person: Person) -> None:
    script = """
    class Plugin:
        async def setup(self):
            await api.registerService(
                type="operator", name="Double it",
                ui="Number {id: 'n', type: 'number', placeholder: 21}", run=self.double,
            )
        def double(self, ctx):
            return f"twice is {2 * ctx.config.n}"
        def run(self, ctx):
            return "plain run"
    api.export(Plugin())
    """
    card = await person.load(native_plugin("Doubler", script), "Doubler")
    operation = card.get_by_role("region", name="Double it")
    await expect(operation.get_by_role("spinbutton", name="Number")).to_have_value("21")
    await operation.get_by_role("button", name="Run Double it").click()
    await person.sees_outcome("Doubler", "twice is 42")


@pytest.mark.parametrize("how", ["in C", "in Python"])
async def test_a_plugin_that_computes_is_busy_and_answers(person: Person, how: str) -> None:
    """For ten seconds, which is longer than the core's patience with an engine that is silent.

    Ten of a processor's: on a busy machine it takes longer, as does all that is asked meanwhile.
    """
    script = f"""
    import hashlib
    from time import thread_time

    def compute_in_c():
        before, rounds, done = thread_time(), 100_000, 0
        while (spent := thread_time() - before) < 10:
            # At first a short one, then one that takes the rest.
            rounds = int(done / spent * (10 - spent)) + 1 if done else rounds
            hashlib.pbkdf2_hmac("sha256", b"", b"", rounds)
            done += rounds

    def compute_in_python():
        end = thread_time() + 10
        while thread_time() < end:
            pass

    class Deep:
        def setup(self):
            self.asked = 0
            api.register(type="operator", name="Ask", ui="Ask", run=self.ask)
        def run(self, ctx):
            {"compute_in_c" if how == "in C" else "compute_in_python"}()
            return "computed"
        def ask(self, ctx):
            self.asked += 1
            return f"answer {{self.asked}}"

    api.export(Deep())
    """
    card = await person.load(native_plugin("Deep", script), "Deep")
    await person.run("Deep")
    await person.sees_state("Deep", "Running")
    for number in range(1, 6):
        await card.get_by_role("button", name="Run Ask").click()
        await person.sees_outcome("Deep", re.compile(f"answer {number}"))
        await person.sees_state("Deep", "Running")
    await person.sees_outcome("Deep", re.compile("computed"), within_s=150)
    await person.sees_state("Deep", "Ready")

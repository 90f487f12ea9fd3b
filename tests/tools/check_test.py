"""The checks of layers and style can fail: each offence is planted in a small tree and must be found."""

import importlib.util
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Planted(unittest.TestCase):
    def found(self, module, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return module.check(Path(folder))


class Layers(Planted):
    layers = load("check_layers")

    def test_this_tree_is_clean(self):
        self.assertEqual(self.layers.check(ROOT), [])

    def test_an_arrow_that_points_up_is_found(self):
        found = self.found(self.layers, {"core/queue/a.cc": '#include "core/base/x.h"\n#include "tasks/task.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("core/queue/a.cc:2", found[0])

    def test_an_arrow_sideways_between_programs_is_found(self):
        self.assertEqual(len(self.found(self.layers, {"worker/a.cc": '#include "scheduler/decide.h"\n'})), 1)

    def test_the_worker_has_never_heard_of_a_dag(self):
        self.assertEqual(len(self.found(self.layers, {"worker/a.cc": '#include "core/workflow/dag.h"\n'})), 1)

    def test_the_scheduler_has_never_touched_a_record(self):
        self.assertEqual(len(self.found(self.layers, {"scheduler/a.cc": '#include "tasks/sinks/sink.h"\n'})), 1)

    def test_a_library_outside_its_home_is_found(self):
        found = self.found(self.layers, {"worker/a.cc": "#include <hiredis/hiredis.h>\n",
                                         "core/redis/a.cc": "#include <hiredis/hiredis.h>\n"})
        self.assertEqual(len(found), 1)
        self.assertIn("hiredis", found[0])

    def test_an_include_that_is_not_from_the_root_is_found(self):
        self.assertEqual(len(self.found(self.layers, {"core/base/a.cc": '#include "x.h"\n'})), 1)

    def test_arrows_that_point_down_pass(self):
        self.assertEqual(self.found(self.layers, {"scheduler/a.cc": '#include "core/queue/producer.h"\n'
                                                                    '#include "tasks/operator.h"\n#include <vector>\n'}), [])


class Style(Planted):
    style = load("check_style")

    def test_this_tree_is_clean(self):
        self.assertEqual(self.style.check(ROOT), [])

    def test_offences_are_found(self):
        for name, text in {"core/base/string_util.cc": "", "core/base/a.h": "#pragma once\n",
                           "worker/a.cc": "int x = FLAGS_y;\n", "api/a.cc": "// TODO later\n",
                           "api/b.cc": "using namespace std;\n"}.items():
            self.assertEqual(len(self.found(self.style, {name: text})), 1, name)


if __name__ == "__main__":
    unittest.main()

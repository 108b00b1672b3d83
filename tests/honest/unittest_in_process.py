import io
import unittest
from unittest import mock


def divide(a, b):
    return a / b


class DivideTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("set up")

    def test_divides(self):
        self.assertEqual(divide(6, 3), 2)
        for b in (1, 2):
            with self.subTest(b=b):
                self.assertAlmostEqual(divide(1, b) * b, 1)

    def test_fails(self):
        self.assertEqual(divide(1, 2), 2, "one half")

    def test_zero(self):
        with self.assertRaises(ZeroDivisionError):
            divide(1, 0)

    @unittest.skip("not today")
    def test_skipped(self): ...


suite = unittest.defaultTestLoader.loadTestsFromTestCase(DivideTest)
result = unittest.TextTestRunner(stream=io.StringIO(), verbosity=2).run(suite)
print(result, [text for _, text in result.failures])
program = unittest.main(argv=["x"], exit=False, testRunner=unittest.TextTestRunner(stream=io.StringIO()))
print(program.result.testsRun, len(program.result.skipped))
api = mock.Mock()
api.get.return_value = {"ok": True}
with mock.patch("__main__.divide", return_value=42) as patched, mock.patch.dict("os.environ", {"X": "1"}):
    print(divide(1, 2), patched.call_args, api.get("/x"), api.mock_calls)

// What comes from Python: numbers, lists of them, and the errors for those that cannot be.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

namespace native {

// The numbers of a list or tuple; false and an exception where it holds something else.
template <class T>
bool numbers(PyObject* from, std::vector<T>& to) {
  PyObject* sequence = PySequence_Fast(from, "a list of numbers is needed");
  if (!sequence) return false;
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence);
  to.reserve(size);
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(sequence, i);
    if constexpr (std::is_pointer_v<T>) {
      to.push_back(static_cast<T>(PyLong_AsVoidPtr(item)));
    } else if constexpr (std::is_floating_point_v<T>) {
      to.push_back(static_cast<T>(PyFloat_AsDouble(item)));
    } else {
      to.push_back(static_cast<T>(PyLong_AsLongLong(item)));
    }
  }
  Py_DECREF(sequence);
  return !PyErr_Occurred();
}

inline bool within(const char* name, int64_t x, int64_t low, int64_t end) {
  if (low <= x && x < end) return true;
  PyErr_Format(PyExc_ValueError, "%s = %lld: allowed are %lld to %lld", name, (long long)x,
               (long long)low, (long long)end - 1);
  return false;
}

inline bool as_many(const char* name, size_t size, size_t expected) {
  if (size == expected) return true;
  PyErr_Format(PyExc_ValueError, "%s: %zu of them, %zu are needed", name, size, expected);
  return false;
}

// Nothing that is thrown leaves it: Python would not survive that.
template <class Compute>
bool without_gil(const Compute& compute) {
  bool enough = true;
  std::string failure;
  Py_BEGIN_ALLOW_THREADS;
  try {
    compute();
  } catch (const std::bad_alloc&) {
    enough = false;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  Py_END_ALLOW_THREADS;
  if (!enough) PyErr_NoMemory();
  if (!failure.empty()) PyErr_SetString(PyExc_RuntimeError, failure.c_str());
  return enough && failure.empty();
}

}  // namespace native

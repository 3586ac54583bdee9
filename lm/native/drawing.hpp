// Sampling as Python calls it (drawing.cpp).
#pragma once

#include "arguments.hpp"

namespace native {

PyObject* rules(PyObject*, PyObject* args);
PyObject* draw(PyObject*, PyObject* args);
PyObject* log_probs(PyObject*, PyObject* args);

}  // namespace native

// The Python side of sampling: `rules` of a row, and `draw` for one step of several rows.
#include "drawing.hpp"

#include "drawer.hpp"

namespace native {

namespace {

const char* const CAPSULE = "lm.native.Rules";

void destroy(PyObject* capsule) {
  delete static_cast<Rules*>(PyCapsule_GetPointer(capsule, CAPSULE));
}

// What capsules of rules hold, if their bans are in the vocabulary.
bool opened(PyObject* list, int vocab, std::vector<const Rules*>& rules) {
  if (!PyList_Check(list)) return within("rules: lists", 0, 1, 2);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    const void* each = PyCapsule_GetPointer(PyList_GET_ITEM(list, i), CAPSULE);
    if (!each) return false;
    rules.push_back(static_cast<const Rules*>(each));
    if (!within("banned token", rules.back()->highest_banned, -1, vocab)) return false;
  }
  return true;
}

}  // namespace

PyObject* rules(PyObject*, PyObject* args) {
  Rules rules;
  int greedy;
  long long top_k;
  PyObject* banned;
  if (!PyArg_ParseTuple(args, "pfLfffO", &greedy, &rules.temperature, &top_k, &rules.top_p,
                        &rules.floor, &rules.guidance, &banned) ||
      !numbers(banned, rules.banned))
    return nullptr;
  if (!(rules.temperature > 0 && rules.top_p > 0 && rules.floor <= 0)) {  // the likeliest passes
    PyErr_SetString(PyExc_ValueError, "temperature, top_p, floor: rules that nothing passes");
    return nullptr;
  }
  rules.greedy = greedy;
  rules.top_k = top_k;
  for (const int64_t token : rules.banned) {
    if (!within("banned token", token, 0, INT32_MAX)) return nullptr;
    rules.highest_banned = std::max(rules.highest_banned, token);
  }
  return PyCapsule_New(new Rules(std::move(rules)), CAPSULE, destroy);
}

PyObject* draw(PyObject*, PyObject* args) {
  PyObject *capsules, *point_list, *pair_list;
  unsigned long long scores, neutral;
  int vocab;
  std::vector<const Rules*> rules;
  std::vector<double> points;
  std::vector<int64_t> pairs;
  if (!PyArg_ParseTuple(args, "OiKKOO", &capsules, &vocab, &scores, &neutral, &point_list,
                        &pair_list) ||
      !within("vocabulary", vocab, 1, 1 << 24) || !opened(capsules, vocab, rules) ||
      !numbers(point_list, points) || !as_many("points", points.size(), rules.size()) ||
      !numbers(pair_list, pairs))
    return nullptr;
  std::vector<std::vector<int64_t>> banned(rules.size());
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (!within("row", pairs[i], 0, rules.size()) || !within("token", pairs[i + 1], 0, vocab))
      return nullptr;
    banned[pairs[i]].push_back(pairs[i + 1]);
  }
  std::vector<int64_t> tokens;
  const bool done = without_gil([&] {
    Drawer drawer(vocab);
    for (size_t row = 0; row < rules.size(); ++row) {
      const auto* x = reinterpret_cast<const float*>(scores) + row * vocab;
      const auto* y = reinterpret_cast<const float*>(neutral) + (neutral ? row * vocab : 0);
      tokens.push_back(
          drawer.draw(x, neutral ? y : nullptr, *rules[row], points[row], banned[row]));
    }
  });
  if (!done) return nullptr;
  PyObject* found = PyList_New(tokens.size());
  for (size_t row = 0; found && row < tokens.size(); ++row)
    PyList_SET_ITEM(found, row, PyLong_FromLongLong(tokens[row]));
  return found;
}

PyObject* log_probs(PyObject*, PyObject* args) {
  unsigned long long scores;
  int vocab;
  PyObject* list;
  std::vector<int64_t> tokens;
  if (!PyArg_ParseTuple(args, "iKO", &vocab, &scores, &list) ||
      !within("vocabulary", vocab, 1, 1 << 24) || !numbers(list, tokens))
    return nullptr;
  for (const int64_t token : tokens)
    if (!within("token", token, 0, vocab)) return nullptr;
  std::vector<float> found;
  const bool done = without_gil([&] {
    Drawer drawer(vocab);
    for (size_t row = 0; row < tokens.size(); ++row)
      found.push_back(drawer.log_prob(reinterpret_cast<const float*>(scores) + row * vocab,
                                      tokens[row]));
  });
  if (!done) return nullptr;
  PyObject* list_of = PyList_New(found.size());
  for (size_t row = 0; list_of && row < found.size(); ++row)
    PyList_SET_ITEM(list_of, row, PyFloat_FromDouble(found[row]));
  return list_of;
}

}  // namespace native

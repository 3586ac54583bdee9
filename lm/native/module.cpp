// The Python side: `build` packs a model's weights, `step` computes one step, `mix` what a mixture
// makes of its scores. Addresses come as whole numbers; every size and index is checked here before
// anything is read.
#include "arguments.hpp"
#include "decoder.hpp"
#include "drawing.hpp"
#include "mixer.hpp"

namespace {

using namespace native;

const char* const CAPSULE = "lm.native.Decoder";

struct Model {
  Shape shape;
  Decoder decoder;
};

void destroy(PyObject* capsule) {
  delete static_cast<Model*>(PyCapsule_GetPointer(capsule, CAPSULE));
}

PyObject* enlarge_pages(PyObject*, PyObject* args) {
  unsigned long long address, bytes;
  if (!PyArg_ParseTuple(args, "KK", &address, &bytes)) return nullptr;
  native::enlarge_pages(reinterpret_cast<void*>(address), bytes);
  Py_RETURN_NONE;
}

PyObject* build(PyObject*, PyObject* args) {
  Shape shape;
  int threads;
  PyObject* addresses;
  if (!PyArg_ParseTuple(args, "(iiiiiii)fiO", &shape.vocab, &shape.layers, &shape.width,
                        &shape.heads, &shape.kv_heads, &shape.head_dim, &shape.inner, &shape.eps,
                        &threads, &addresses))
    return nullptr;
  for (const auto& [name, size] : {std::pair{"vocab_size", shape.vocab},
                                   {"n_layers", shape.layers}, {"d_model", shape.width},
                                   {"d_ff", shape.inner}})
    if (!within(name, size, 1, 1 << 24)) return nullptr;
  for (const auto& [name, size] : {std::pair{"n_heads", shape.heads},  // times head_dim it is an int
                                   {"n_kv_heads", shape.kv_heads}, {"threads", threads}})
    if (!within(name, size, 1, 1 << 16)) return nullptr;
  if (shape.head_dim != 64 && shape.head_dim != 128)
    return PyErr_Format(PyExc_ValueError, "head_dim = %d: allowed are 64 and 128", shape.head_dim);
  if (shape.heads % shape.kv_heads)
    return PyErr_Format(PyExc_ValueError, "n_kv_heads = %d: has to divide n_heads = %d",
                        shape.kv_heads, shape.heads);
  std::vector<const Number*> weights;
  if (!numbers(addresses, weights)) return nullptr;
  if (!as_many("weights", weights.size(), 2 + size_t(shape.layers) * Decoder::PER_LAYER))
    return nullptr;
  Model* model = nullptr;
  if (!without_gil([&] { model = new Model{shape, {shape, threads, weights}}; })) return nullptr;
  return PyCapsule_New(model, CAPSULE, destroy);
}

// Add the new tokens of a row, as the Python Batch has it, if all is in range.
bool add(Batch& batch, const Shape& shape, int64_t slots, int64_t position_count,
         const int64_t* tokens, const int64_t* positions, int64_t slot, int64_t at, int64_t count,
         int64_t base, int64_t base_length, bool last) {
  if (!within("slot", slot, 0, slots) || !within("base", base, 0, slots) ||
      !within("at", at, 0, batch.span - count + 1) ||
      !within("base_length", base_length, 0, at + 1))
    return false;
  for (int64_t i = 0; i < count; ++i) {
    if (!within("token", tokens[i], 0, shape.vocab) ||
        !within("position", positions[i], 0, position_count))
      return false;
    batch.tokens.push_back(tokens[i]);
    batch.positions.push_back(positions[i]);
    batch.slots.push_back(slot);
    batch.at.push_back(at + i);
    batch.bases.push_back(base);
    batch.base_lengths.push_back(base_length);
    if (batch.logits && (!last || i + 1 == count)) batch.wanted.push_back(batch.rows() - 1);
  }
  return true;
}

PyObject* step(PyObject*, PyObject* args) {
  PyObject* capsule;
  PyObject* lists[7];
  unsigned long long tokens, positions, cos, sin, logits;
  long long time, slots, span, position_count;
  int last;
  if (!PyArg_ParseTuple(args, "OKKLOOOOOOOLLKKLKp", &capsule, &tokens, &positions, &time,
                        &lists[0], &lists[1], &lists[2], &lists[3], &lists[4], &lists[5],
                        &lists[6], &slots, &span, &cos, &sin, &position_count, &logits, &last))
    return nullptr;
  auto* model = static_cast<Model*>(PyCapsule_GetPointer(capsule, CAPSULE));
  if (!model) return nullptr;
  const Shape& shape = model->shape;
  Batch batch{};
  std::vector<int64_t> rows[5];  // slots, at, counts, bases, base_lengths
  for (int i = 0; i < 5; ++i)
    if (!numbers(lists[i], rows[i]) || !as_many("rows", rows[i].size(), rows[0].size()))
      return nullptr;
  if (!numbers(lists[5], batch.keys) || !as_many("keys", batch.keys.size(), shape.layers) ||
      !numbers(lists[6], batch.values) || !as_many("values", batch.values.size(), shape.layers) ||
      !within("rows", rows[0].size(), 1, 1 << 16) || !within("time", time, 1, 1 << 16) ||
      !within("span", span, 1, 1 << 30))
    return nullptr;
  batch.span = span;
  batch.cos = reinterpret_cast<const float*>(cos);
  batch.sin = reinterpret_cast<const float*>(sin);
  batch.logits = reinterpret_cast<float*>(logits);
  for (size_t i = 0; i < rows[0].size(); ++i)
    if (!within("count", rows[2][i], 1, time + 1) ||
        !add(batch, shape, slots, position_count,
             reinterpret_cast<const int64_t*>(tokens) + i * time,
             reinterpret_cast<const int64_t*>(positions) + i * time, rows[0][i], rows[1][i],
             rows[2][i], rows[3][i], rows[4][i], last))
      return nullptr;
  if (!without_gil([&] { model->decoder.step(batch); })) return nullptr;
  Py_RETURN_NONE;
}

// Where the tokens of each row are, if all is in range; `slots` of them, each [span][DIGITS].
bool tokens_of(PyObject* const* lists, int64_t time, int64_t slots, int64_t span, Number* keys,
               std::vector<Tokens>& found) {
  std::vector<int64_t> rows[5];  // slots, at, counts, bases, base_lengths
  for (int i = 0; i < 5; ++i)
    if (!numbers(lists[i], rows[i]) || !as_many("rows", rows[i].size(), rows[0].size()))
      return false;
  for (size_t i = 0; i < rows[0].size(); ++i) {
    const int64_t slot = rows[0][i], at = rows[1][i], count = rows[2][i], base = rows[3][i],
                  shared = rows[4][i];
    if (!within("slot", slot, 0, slots) || !within("count", count, 1, time + 1) ||
        !within("at", at, 0, span - count + 1) || !within("base", base, 0, slots) ||
        !within("base_length", shared, 0, at + 1))
      return false;
    found.push_back({keys + slot * span * DIGITS, keys + base * span * DIGITS, shared,
                     at + count - 1, count});
  }
  return true;
}

PyObject* mix(PyObject*, PyObject* args) {
  PyObject *capsule, *lists[5], *alone_list, *before_lists[2];
  unsigned long long tables[6], boosts, shares, common, tokens, keys, scores;
  Ngrams ngrams;
  long long count, time, slots, span;
  int end;
  if (!PyArg_ParseTuple(args, "O(LKKKKKK)(Ki)KKKLOOOOOOOOKLLK", &capsule, &count, &tables[0],
                        &tables[1], &tables[2], &tables[3], &tables[4], &tables[5], &boosts, &end,
                        &shares, &common, &tokens, &time, &lists[0], &lists[1], &lists[2],
                        &lists[3], &lists[4], &alone_list, &before_lists[0], &before_lists[1],
                        &keys, &slots, &span, &scores))
    return nullptr;
  auto* model = static_cast<Model*>(PyCapsule_GetPointer(capsule, CAPSULE));
  if (!model) return nullptr;
  ngrams.count = count;
  ngrams.contexts = reinterpret_cast<const int64_t*>(tables[0]);
  ngrams.ends = reinterpret_cast<const int64_t*>(tables[1]);
  ngrams.entries = reinterpret_cast<const int64_t*>(tables[2]);
  ngrams.shares = reinterpret_cast<const float*>(tables[3]);
  ngrams.backoffs = reinterpret_cast<const double*>(tables[4]);
  ngrams.base = reinterpret_cast<const float*>(tables[5]);
  const Voices voices{reinterpret_cast<const float*>(boosts), end};
  const Weights weights{reinterpret_cast<const float*>(shares),
                        reinterpret_cast<const int64_t*>(common)};
  const int vocab = model->shape.vocab;
  const auto* ids = reinterpret_cast<const int64_t*>(tokens);
  std::vector<Tokens> rows;
  std::vector<int> alone;
  std::vector<const int64_t*> before;
  std::vector<int64_t> before_lengths;
  if (!within("end", end, 0, vocab) || !within("time", time, 1, 1 << 16) ||
      !tokens_of(lists, time, slots, span, reinterpret_cast<Number*>(keys), rows) ||
      !numbers(alone_list, alone) || !as_many("alone", alone.size(), rows.size()) ||
      !numbers(before_lists[0], before) || !as_many("before", before.size(), rows.size()) ||
      !numbers(before_lists[1], before_lengths) ||
      !as_many("before_lengths", before_lengths.size(), rows.size()))
    return nullptr;
  for (const int64_t length : before_lengths)
    if (!within("before_length", length, 0, 1 << 20)) return nullptr;
  for (size_t i = 0; i < rows.size(); ++i)
    for (int64_t t = 0; t < rows[i].count; ++t)
      if (!within("token", ids[i * time + t], 0, vocab)) return nullptr;
  const bool done = without_gil([&] {
    for (size_t i = 0; i < rows.size(); ++i) rows[i].remember(ids + i * time);
    const Mixer mixer(ngrams, vocab, voices, weights);
    std::vector<Mixer::Scratch> scratch(model->decoder.threads(), mixer.scratch(span));
    model->decoder.run(int(rows.size()), [&](int begin, int end, int worker) {
      for (int i = begin; i < end; ++i)
        mixer.mix(reinterpret_cast<float*>(scores) + size_t(i) * vocab, rows[i],
                  {before[i], before_lengths[i]}, alone[i], scratch[worker]);
    });
  });
  if (!done) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef METHODS[] = {
    {"enlarge_pages", enlarge_pages, METH_VARARGS,
     "enlarge_pages(address, bytes): ask the system for large pages there."},
    {"build", build, METH_VARARGS,
     "build(shape, eps, threads, weights): a model of these addresses, which must stay valid."},
    {"step", step, METH_VARARGS,
     "step(model, tokens, positions, time, slots, at, counts, bases, base_lengths, keys, values, "
     "slot_count, span, cos, sin, position_count, logits, last): fill caches and, unless 0, logits."},
    {"mix", mix, METH_VARARGS,
     "mix(model, (contexts and their tables), (boosts, end), weights, common tokens, tokens, time, "
     "slots, at, counts, bases, base_lengths, alone, before, before_lengths, keys, slot_count, "
     "span, scores): remember tokens, mix the scores behind each row's last."},
    {"rules", rules, METH_VARARGS,
     "rules(greedy, temperature, top_k, top_p, floor, guidance, banned): how a row is sampled."},
    {"draw", draw, METH_VARARGS,
     "draw(rules, vocabulary, scores, neutral, points, banned): a token of each row, -1 for none."},
    {"log_probs", log_probs, METH_VARARGS,
     "log_probs(vocabulary, scores, tokens): ln p of one token of each row."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "lm.native", "One decode step of a GPT.", 0, METHODS,
                      nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC INIT() { return PyModule_Create(&MODULE); }

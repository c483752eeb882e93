// One pass of RAFT's convolutional gated recurrent unit, and its gradient.
//   z, r = sigmoid(conv([h, motion], gates) + contextGates);  q = tanh(conv([r h, motion], candidate) + contextCandidate)
//   h' = h + z (q - h)
// One buffer [h | motion] serves both convolutions: the gates' pass over memory writes r h over h.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <stdexcept>

#include "dispatch.h"
#include "layers.h"
#include "tensors.h"
#include "vector_math.h"

namespace motioncue {
namespace {

// recurrence(h [B,y,x,H], motion [B,y,x,M], gates, candidate, contextGates [B,y,x,2H], contextCandidate [B,y,x,H])
//   -> [h', z and r side by side, q]
napi_value recurrence(const Arguments& in) {
  const auto h = in.tensor(0).contiguous(), motion = in.tensor(1).contiguous();
  const auto contextGates = in.tensor(4).contiguous(), contextCandidate = in.tensor(5).contiguous();
  const int64_t hidden = h.size(3), width = hidden + motion.size(3), positions = h.numel() / std::max<int64_t>(1, hidden);
  if (motion.numel() != positions * (width - hidden) || contextGates.numel() != positions * 2 * hidden || contextCandidate.numel() != h.numel())
    throw std::runtime_error("recurrence: the maps do not have the same size");
  auto joined = at::cat({h, motion}, 3).contiguous();
  auto gates = convolveSame(joined, in.tensor(2)).contiguous();
  if (gates.numel() != contextGates.numel()) throw std::runtime_error("recurrence: the gates' weights do not fit the hidden state");
  const float *state = h.data_ptr<float>(), *fixed = contextGates.data_ptr<float>(), *fixedCandidate = contextCandidate.data_ptr<float>();
  float *gate = gates.data_ptr<float>(), *buffer = joined.data_ptr<float>();
  at::parallel_for(0, positions, 64, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      float* g = gate + p * 2 * hidden;
      const float *f = fixed + p * 2 * hidden, *own = state + p * hidden;
      for (int64_t c = 0; c < 2 * hidden; c++) g[c] = fastSigmoid(g[c] + f[c]);
      for (int64_t c = 0; c < hidden; c++) buffer[p * width + c] = g[hidden + c] * own[c];
    }
  });
  auto candidate = convolveSame(joined, in.tensor(3)).contiguous();
  if (candidate.numel() != h.numel()) throw std::runtime_error("recurrence: the candidate's weights do not fit the hidden state");
  auto next = at::empty(h.sizes(), h.options());
  float *q = candidate.data_ptr<float>(), *out = next.data_ptr<float>();
  at::parallel_for(0, positions, 64, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++) {
      const float* z = gate + p * 2 * hidden;
      for (int64_t c = 0; c < hidden; c++) {
        const int64_t i = p * hidden + c;
        q[i] = fastTanh(q[i] + fixedCandidate[i]);
        out[i] = state[i] + z[c] * (q[i] - state[i]);
      }
    }
  });
  return results(in.env, {next, gates, candidate});
}

// recurrenceGradient(dNext, h, motion, gates, candidate, z and r, q) -> gradients of h, motion, gates, candidate and both contexts
napi_value recurrenceGradient(const Arguments& in) {
  const auto &dNext = in.tensor(0), &h = in.tensor(1), &motion = in.tensor(2), &zr = in.tensor(5), &q = in.tensor(6);
  const int64_t hidden = h.size(3), moving = motion.size(3);
  const auto z = zr.narrow(3, 0, hidden), r = zr.narrow(3, hidden, hidden);
  const auto dCandidate = dNext * z * (1 - q * q);
  const auto ofCandidate = convolveSameGradient(dCandidate, at::cat({r * h, motion}, 3), in.tensor(4));
  const auto dReset = ofCandidate.first.narrow(3, 0, hidden);
  const auto dGates = at::cat({dNext * (q - h) * z * (1 - z), dReset * h * r * (1 - r)}, 3);
  const auto ofGates = convolveSameGradient(dGates, at::cat({h, motion}, 3), in.tensor(3));
  const auto dHidden = dNext * (1 - z) + dReset * r + ofGates.first.narrow(3, 0, hidden);
  const auto dMotion = ofCandidate.first.narrow(3, hidden, moving) + ofGates.first.narrow(3, hidden, moving);
  return results(in.env, {dHidden, dMotion, ofGates.second, ofCandidate.second, dGates, dCandidate});
}

}  // namespace

void defineRecurrence(napi_env env, napi_value exports) {
  define(env, exports, "recurrence", recurrence);
  define(env, exports, "recurrenceGradient", recurrenceGradient);
}

}  // namespace motioncue

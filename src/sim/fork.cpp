// What becomes of nodes and durations when a server's state is simulated.
#include "sim/fork.h"

#include <limits>

namespace penstock {
namespace {

// Of all attempts together.
Duration expected(const Job& job, const ForkOptions& options, Time now) {
  const auto part = [&](Duration limit) { return Duration(mul_div_floor(limit.count(), options.time_limit_used.count(), 1'000'000)); };
  const Duration thought = job.spec.estimate ? *job.spec.estimate : job.spec.time_limit ? part(*job.spec.time_limit) : options.assume;
  if (!job.holds()) return thought;
  const Duration done = now - job.allocation->from + job.saved;
  if (done < thought) return thought;
  return job.spec.time_limit ? job.saved + *job.spec.time_limit : done + options.assume;
}

}  // namespace

Facts forked(Facts facts, const ForkOptions& options, Time now) {
  constexpr Time kForGood{std::numeric_limits<std::int64_t>::max()};  // a rack that is still to come is not lost
  const State state(std::move(facts));
  Facts out = state.facts();
  for (NodeIndex node = 0; node < state.estate().nodes().size(); ++node) {
    const std::string& name = state.estate().nodes()[node].name;
    if (state.usable(node, kForGood)) {
      out.nodes.erase(name);
    } else {
      NodeFacts lost;  // without a registration, as simulated nodes are
      lost.name = name;
      lost.lost = true;
      lost.changed = now;
      lost.version = out.position;
      out.nodes[name] = std::move(lost);
    }
  }
  for (auto& [name, site] : out.sites) site.spec.runtime = RuntimeKind::kSimulated;
  for (auto& [uid, job] : out.jobs) {
    if (!is_final(job.phase)) job.spec.estimate = expected(job, options, now);
  }
  out.tokens.clear();
  out.replies.clear();
  return out;
}

}  // namespace penstock

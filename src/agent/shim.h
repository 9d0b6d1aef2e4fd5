// The shim: one small process a task, which outlives the agent and sees the task to its end.
#pragma once

#include <string>

namespace penstock {

/// Where the shim finds the descriptor of the task's lock when it was taken for it already.
inline constexpr int kShimLockFd = 3;

/// The body of `penstock shim TASK_DIR`. Runs the task of that directory by its plan, once, and keeps to the
/// lease, the time limit and the order to stop. Ends only when nothing of the task is left and exit.json says how
/// it went.
///
/// Must be called in a process of its own, with one thread. Returns 0 when exit.json is written, 1 when the
/// directory is not this shim's to run (another holds it, or it ran before).
int shim_main(const std::string& task_dir);

}  // namespace penstock

// Lists of names as Slurm writes them: runs of numbers folded into brackets.
#pragma once

#include <string>
#include <vector>

namespace penstock {

/// Folds names, in the order given, into expressions such as `n[01-18]`, `n[1-3,7]` or `gateway`: neighbours that
/// differ in their last number only share one. An expression stands for its names in their order; each is also a range
/// of our own (base/name.h).
std::vector<std::string> fold_names(const std::vector<std::string>& names);

/// The expressions of fold_names, with commas between: Slurm's hostlist.
std::string hostlist(const std::vector<std::string>& names);

}  // namespace penstock

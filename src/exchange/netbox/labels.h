// Names of NetBox, which may be any text, as DNS labels that are unique in their scope.
#pragma once

#include <map>
#include <set>
#include <string>

namespace penstock {

/// Lower case; what no label may hold becomes '-'; at most 63 characters. Empty if nothing is left.
std::string label_of(std::string_view name);

/// The names of one scope, each given once.
class Labels {
 public:
  struct Made {
    std::string label;
    std::string instead_of;  ///< the label that was taken already; empty if there was none
  };
  /// The label of a name; where it is taken (or empty), with the id behind it.
  Made make(std::string_view name, std::int64_t id);

 private:
  std::set<std::string> taken_;
};

}  // namespace penstock

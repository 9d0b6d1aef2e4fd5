// What a running gang holds, as its event said.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace penstock::verifier {

struct GrantedTask {
  std::string node;
  std::int32_t group = 0;
  std::vector<std::int32_t> devices;
  std::int64_t gpus = 0;    ///< thousandths
  std::int64_t demand = 0;  ///< W
  std::int64_t firm = 0;    ///< W
  int at = -1;              ///< the node's number in the site's model; -1: there is no such node
};

struct Grant {
  std::string uid;  ///< of the job
  std::string job;  ///< tenant/project/job
  std::string contract;
  std::string site;
  std::optional<Time> until;
  std::vector<GrantedTask> tasks;
  bool shed = false;  ///< its firm watts are all that it may draw
};

}  // namespace penstock::verifier

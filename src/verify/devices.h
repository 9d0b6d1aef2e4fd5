// Who holds which device: no device has two holders, and shares of one add up to at most a whole.
#pragma once

#include <map>
#include <unordered_map>

#include "verify/findings.h"
#include "verify/grant.h"
#include "verify/site_model.h"

namespace penstock::verifier {

class Devices {
 public:
  explicit Devices(Findings& findings) : findings_(findings) {}

  /// Takes what the grant holds and tells what it may not hold: no such node or device, more of a device than there is.
  void take(const Grant& grant, const Model* site, const Place& place);
  void give_back(const Grant& grant);
  /// The nodes and devices that the grant holds must still be there after its site was applied again.
  void recheck(const Grant& grant, const Model* site, const Place& place);

 private:
  struct Holder {
    std::string uid, job;
    std::int64_t milli = 0;
  };
  Findings& findings_;
  std::unordered_map<std::string, std::map<std::int32_t, std::vector<Holder>>> nodes_;
};

}  // namespace penstock::verifier

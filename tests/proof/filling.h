// Filling an estate with work until nothing more fits.
#pragma once

#include "engine/world.h"

namespace penstock {

class Filling {
 public:
  /// Adds the tenant `proof` with the project `proof/fill` and the contracts `proof/firm`, `proof/half` (which keeps
  /// half of its power) and `proof/spot`.
  explicit Filling(World& world);

  /// Starts gangs of this shape under the contract's tenant until one does not start, or `most` did. Returns how many.
  std::int64_t fill(JobSpec shape, std::int64_t most = std::numeric_limits<std::int64_t>::max());
  /// Fills a site: a few small gangs of each contract first, then gangs of a rack in turns, then ever smaller ones.
  void fill_site(const std::string& site, const std::vector<std::string>& contracts);

  /// Ends the tasks of every job that is being stopped.
  void end_stopping();

  static const std::vector<std::string> kContracts;

 private:
  std::string project_of_contract(const std::string& contract) const;
  World& world_;
  std::int64_t serial_ = 0;
};

}  // namespace penstock

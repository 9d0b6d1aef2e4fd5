// What was asked for and by whom: gangs start whole, on one site, in a country that everyone allows.
#pragma once

#include <map>
#include <set>

#include "spec/tenancy.h"
#include "spec/workload.h"
#include "verify/findings.h"
#include "verify/grant.h"

namespace penstock::verifier {

class Gangs {
 public:
  struct Job {
    std::string name;
    std::string contract;
    JobSpec spec;
  };

  explicit Gangs(Findings& findings) : findings_(findings) {}

  void submit(const std::string& uid, Job job) { jobs_.insert_or_assign(uid, std::move(job)); }
  void forget(const std::string& uid) { jobs_.erase(uid); }
  const Job* find(const std::string& uid) const;
  void set_tenant(const std::string& name, std::optional<TenantSpec> spec);
  void set_contract(const std::string& name, std::optional<ContractSpec> spec);

  /// Tells whether the gang is whole: as many tasks of each group as asked, with the GPUs asked, all on one site.
  void check_whole(const Grant& grant, const Place& place);
  /// Tells who forbids the country that the grant is in; once for each grant until it is placed anew.
  void check_country(const Grant& grant, const std::string& country, const Place& place);
  void placed_anew(const std::string& uid) { outside_.erase(uid); }

 private:
  Findings& findings_;
  std::map<std::string, Job> jobs_;
  std::map<std::string, TenantSpec> tenants_;
  std::map<std::string, ContractSpec> contracts_;
  std::set<std::string> outside_;
};

}  // namespace penstock::verifier

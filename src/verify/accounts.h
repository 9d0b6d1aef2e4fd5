// What was used and what was asked for it: rows without gap or overlap, sums that agree, a ledger that balances, energy that has an owner.
#pragma once

#include <map>
#include <set>

#include "base/time.h"
#include "verify/findings.h"

namespace penstock::verifier {

/// Works out anew, from starts and ends alone, what each row of usage must say, and from the rows what invoices and the sharing out of
/// energy must. Prices are taken from the rows: which one holds is the contract's affair.
class Accounts {
 public:
  explicit Accounts(Findings& findings) : findings_(findings) {}

  Status take(std::string_view type, const json::object& event, const Place& place);
  /// What a snapshot holds of it.
  Status take_facts(const json::object& facts);

 private:
  // An allocation that is not metered to its end.
  struct Open {
    std::string allocation;
    Time from;  // of its next row
    std::int64_t gpus = 0;
  };
  // Whose energy: site, contract, project.
  using Owner = std::tuple<std::string, std::string, std::string>;
  struct Month {
    std::map<std::pair<std::string, std::string>, std::int64_t> costs;  // by tenant and currency: rows that no invoice holds yet
    std::map<Owner, std::int64_t> work;                                 // rows
    std::map<Owner, std::int64_t> billed;                               // invoices
    std::set<std::pair<std::string, std::string>> invoiced;
  };

  Status on_started(const json::object& allocation);
  Status on_row(const json::object& row);
  Status on_ended(const json::object& event);
  Status on_invoice(const json::object& event);
  Status on_closed(const json::object& event);
  Status check_entry(const json::object& entry);
  void tell(std::string site, std::string message) { findings_.violation(9, place_, std::move(site), std::move(message)); }

  Findings& findings_;
  Place place_;
  std::map<std::string, Open> open_;  // by job
  std::map<std::string, Month> months_;
  std::string closed_;
  std::optional<std::uint64_t> entries_;
  std::optional<std::uint64_t> invoices_;
};

}  // namespace penstock::verifier

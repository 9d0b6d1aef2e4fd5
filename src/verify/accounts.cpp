// Arithmetic of bills in 128 bits, once more.
#include "verify/accounts.h"

#include "base/month.h"
#include "base/name.h"
#include "verify/read.h"

namespace penstock::verifier {
namespace {

using Wide = __int128;

Wide rounded(Wide product, Wide by) { return (product + (product >= 0 ? by / 2 : -(by / 2))) / by; }

std::string text(std::int64_t micros, const std::string& currency) { return Text<Money>::format({micros, currency}); }

std::string tenant_of(std::string_view name) { return std::string(split_path(name).front()); }

}  // namespace

Status Accounts::take(std::string_view type, const json::object& event, const Place& place) {
  place_ = place;
  if (type == "job.started") {
    PENSTOCK_TRY(allocation, get_object(event, "allocation"));
    return on_started(*allocation);
  }
  if (type == "usage.recorded") {
    PENSTOCK_TRY(row, get_object(event, "usage"));
    return on_row(*row);
  }
  if (type == "job.requeued" || type == "job.finished") return on_ended(event);
  if (type == "invoice.issued") return on_invoice(event);
  if (type == "month.closed") return on_closed(event);
  return ok_status();
}

Status Accounts::on_started(const json::object& allocation) {
  PENSTOCK_TRY(job, get<std::string>(allocation, "job"));
  PENSTOCK_TRY(uid, get<std::string>(allocation, "uid"));
  PENSTOCK_TRY(from, get<Time>(allocation, "from"));
  PENSTOCK_TRY(tasks, get_array(allocation, "tasks"));
  std::int64_t gpus = 0;
  for (const json::value& item : *tasks) {
    PENSTOCK_TRY(task, as_object(item));
    PENSTOCK_TRY(held, get<MilliGpu>(*task, "gpus"));
    gpus += held.count();
  }
  open_[job] = {uid, from, gpus};
  return ok_status();
}

Status Accounts::on_row(const json::object& row) {
  PENSTOCK_TRY(job, get<std::string>(row, "job"));
  PENSTOCK_TRY(workload, get<std::string>(row, "workload"));
  PENSTOCK_TRY(allocation, get<std::string>(row, "allocation"));
  PENSTOCK_TRY(contract, get<std::string>(row, "contract"));
  PENSTOCK_TRY(site, get_or<std::string>(row, "site", {}));
  PENSTOCK_TRY(from, get<Time>(row, "from"));
  PENSTOCK_TRY(to, get<Time>(row, "to"));
  PENSTOCK_TRY(time, get<GpuMicros>(row, "gpuTime"));
  PENSTOCK_TRY(energy, get<Joules>(row, "energy"));
  PENSTOCK_TRY(cost, get<Money>(row, "cost"));
  PENSTOCK_TRY(price, get_or<Money>(row, "price", {}));
  PENSTOCK_TRY(continues, get_or<bool>(row, "continues", false));
  const std::string month = month_of(from);
  if (month <= closed_) tell(site, fmt::format("{} was used in {}, which is closed", workload, month));
  if (to > next_month(from)) tell(site, fmt::format("a row of {} runs through the end of {}", workload, month));
  const auto open = open_.find(job);
  if (open == open_.end() || open->second.allocation != allocation) {
    tell(site, fmt::format("{} was metered for an allocation that it does not hold, or for a second time", workload));
  } else {
    if (from != open->second.from) {
      tell(site, fmt::format("a row of {} begins at {} and not at {}, where it must", workload, Text<Time>::format(from),
                             Text<Time>::format(open->second.from)));
    }
    const Wide expected = Wide{open->second.gpus} * ((to - from).count() / 1'000'000);
    if (time.count() != expected) {
      tell(site, fmt::format("{} held {} of a GPU from {} to {}, and {} were metered", workload, Text<MilliGpu>::format(MilliGpu(open->second.gpus)),
                             Text<Time>::format(from), Text<Time>::format(to), Text<GpuMicros>::format(time)));
    }
    if (continues) {
      open->second.from = to;
    } else {
      open_.erase(open);
    }
  }
  const Wide value = rounded(Wide{time.count()} * price.micros, 3'600'000'000);
  if (row.contains("price") && cost.micros != 0 && cost.micros != value) {
    tell(site, fmt::format("{} of {} at {} cost {}", Text<GpuMicros>::format(time), workload, Text<Money>::format(price), Text<Money>::format(cost)));
  }
  Month& book = months_[month];
  book.costs[{tenant_of(workload), cost.currency}] += cost.micros;
  book.work[{site, contract, std::string(parent_of(workload))}] += energy.count();
  return ok_status();
}

Status Accounts::on_ended(const json::object& event) {
  PENSTOCK_TRY(job, get<std::string>(event, "job"));
  const auto open = open_.find(job);
  if (open == open_.end()) return ok_status();
  tell({}, fmt::format("job {} gave its allocation back and nobody metered it from {} on", job, Text<Time>::format(open->second.from)));
  open_.erase(open);
  return ok_status();
}

Status Accounts::check_entry(const json::object& entry) {
  PENSTOCK_TRY(number, get<std::uint64_t>(entry, "number"));
  PENSTOCK_TRY(memo, get<std::string>(entry, "memo"));
  PENSTOCK_TRY(postings, get_array(entry, "postings"));
  if (entries_ && number != *entries_ + 1) tell({}, fmt::format("after entry {} comes {}", *entries_, number));
  entries_ = number;
  std::map<std::string, Wide> sums;
  for (const json::value& item : *postings) {
    PENSTOCK_TRY(posting, as_object(item));
    PENSTOCK_TRY(amount, get<Money>(*posting, "amount"));
    sums[amount.currency] += amount.micros;
  }
  for (const auto& [currency, sum] : sums) {
    if (sum != 0) tell({}, fmt::format("entry {} ({}) does not balance: {} are left", number, memo, text(static_cast<std::int64_t>(sum), currency)));
  }
  return ok_status();
}

Status Accounts::on_invoice(const json::object& event) {
  PENSTOCK_TRY(invoice, get_object(event, "invoice"));
  PENSTOCK_TRY(entry, get_object(event, "entry"));
  PENSTOCK_RETURN_IF_ERROR(check_entry(*entry));
  PENSTOCK_TRY(name, get<std::string>(*invoice, "name"));
  PENSTOCK_TRY(number, get<std::uint64_t>(*invoice, "number"));
  PENSTOCK_TRY(tenant, get<std::string>(*invoice, "tenant"));
  PENSTOCK_TRY(month, get<std::string>(*invoice, "month"));
  PENSTOCK_TRY(subtotal, get<Money>(*invoice, "subtotal"));
  PENSTOCK_TRY(tax, get<Money>(*invoice, "taxAmount"));
  PENSTOCK_TRY(total, get<Money>(*invoice, "total"));
  PENSTOCK_TRY(prepaid, get<Money>(*invoice, "prepaid"));
  PENSTOCK_TRY(due, get<Money>(*invoice, "due"));
  PENSTOCK_TRY(lines, get_array(*invoice, "lines"));
  if (invoices_ && number != *invoices_ + 1) tell({}, fmt::format("after invoice {} comes {}", *invoices_, number));
  invoices_ = number;
  if (month <= closed_) tell({}, fmt::format("invoice {} is for a month that is closed", name));
  Month& book = months_[month];
  if (!book.invoiced.insert({tenant, subtotal.currency}).second) tell({}, fmt::format("{} is asked twice for {}", tenant, month));
  Wide sum = 0;
  Wide usage = 0;
  for (const json::value& item : *lines) {
    PENSTOCK_TRY(line, as_object(item));
    PENSTOCK_TRY(kind, get<std::string>(*line, "kind"));
    PENSTOCK_TRY(contract, get<std::string>(*line, "contract"));
    PENSTOCK_TRY(project, get_or<std::string>(*line, "project", {}));
    PENSTOCK_TRY(site, get_or<std::string>(*line, "site", {}));
    PENSTOCK_TRY(amount, get<Money>(*line, "amount"));
    PENSTOCK_TRY(energy, get_or<std::optional<Joules>>(*line, "energy", std::nullopt));
    if (amount.currency != subtotal.currency) tell({}, fmt::format("invoice {} has a line in {}", name, amount.currency));
    if (tenant_of(contract) != tenant) tell({}, fmt::format("invoice {} has a line of contract {}", name, contract));
    sum += amount.micros;
    if (kind == "usage") usage += amount.micros;
    if (energy) book.billed[{site, contract, project}] += energy->count();
  }
  std::int64_t& rows = book.costs[{tenant, subtotal.currency}];
  if (usage != rows) {
    tell({}, fmt::format("invoice {} asks {} for usage, and its rows come to {}", name, text(static_cast<std::int64_t>(usage), subtotal.currency),
                         text(rows, subtotal.currency)));
  }
  rows = 0;
  if (sum != subtotal.micros) tell({}, fmt::format("the lines of invoice {} do not come to its subtotal", name));
  if (const json::object* rate = invoice->contains("tax") ? invoice->at("tax").if_object() : nullptr) {
    PENSTOCK_TRY(ppm, get<Ppm>(*rate, "rate"));
    if (rounded(Wide{subtotal.micros} * ppm.count(), 1'000'000) != tax.micros) tell({}, fmt::format("the tax of invoice {} is not its rate", name));
  } else if (tax.micros != 0) {
    tell({}, fmt::format("invoice {} has a tax without a rate", name));
  }
  if (Wide{subtotal.micros} + tax.micros != total.micros || Wide{total.micros} - prepaid.micros != due.micros) {
    tell({}, fmt::format("the sums of invoice {} do not agree", name));
  }
  return ok_status();
}

Status Accounts::on_closed(const json::object& event) {
  PENSTOCK_TRY(month, get<std::string>(event, "month"));
  PENSTOCK_TRY(sites, get_array(event, "sites"));
  if (month <= closed_) tell({}, fmt::format("{} was closed twice", month));
  Month& book = months_[month];
  for (const auto& [of, micros] : book.costs) {
    if (micros != 0) tell({}, fmt::format("{} of {} were never asked of {}", text(micros, of.second), month, of.first));
  }
  std::map<Owner, std::int64_t> work = std::move(book.work);
  for (const json::value& item : *sites) {
    PENSTOCK_TRY(site, as_object(item));
    PENSTOCK_TRY(name, get<std::string>(*site, "site"));
    PENSTOCK_TRY(imported, get<Joules>(*site, "imported"));
    PENSTOCK_TRY(parts, get_array(*site, "parts"));
    Wide sum = 0;
    for (const json::value& each : *parts) {
      PENSTOCK_TRY(part, as_object(each));
      PENSTOCK_TRY(contract, get_or<std::string>(*part, "contract", {}));
      PENSTOCK_TRY(project, get_or<std::string>(*part, "project", {}));
      PENSTOCK_TRY(used, get<Joules>(*part, "work"));
      PENSTOCK_TRY(shared, get<Joules>(*part, "shared"));
      sum += Wide{used.count()} + shared.count();
      const Owner owner{name, contract, project};
      const auto rows = work.extract(owner);
      if ((rows.empty() ? 0 : rows.mapped()) != used.count()) {
        tell(name, fmt::format("{} of {} used {} in {}, and its rows say {}", contract, project, Text<Joules>::format(used), month,
                               Text<Joules>::format(Joules(rows.empty() ? 0 : rows.mapped()))));
      }
      const auto billed = book.billed.find(owner);
      if (!contract.empty() && (billed == book.billed.end() ? 0 : billed->second) != used.count() + shared.count()) {
        tell(name, fmt::format("the bills of {} do not hold its energy of {}", contract, month));
      }
    }
    if (sum != imported.count()) tell(name, fmt::format("the energy of {} does not add up to what was imported", month));
  }
  for (const auto& [owner, joules] : work) {
    if (joules != 0 && !std::get<0>(owner).empty()) {
      tell(std::get<0>(owner), fmt::format("energy that {} used in {} was shared out to nobody", std::get<1>(owner), month));
    }
  }
  if (event.contains("entries")) {
    PENSTOCK_TRY(entries, get_array(event, "entries"));
    for (const json::value& item : *entries) {
      PENSTOCK_TRY(entry, as_object(item));
      PENSTOCK_RETURN_IF_ERROR(check_entry(*entry));
    }
  }
  closed_ = month;
  months_.erase(month);
  return ok_status();
}

Status Accounts::take_facts(const json::object& facts) {
  if (facts.contains("books")) {
    PENSTOCK_TRY(books, get_object(facts, "books"));
    PENSTOCK_TRY(closed, get_or<std::string>(*books, "closed", {}));
    PENSTOCK_TRY(entries, get_or<std::uint64_t>(*books, "entries", 0));
    PENSTOCK_TRY(invoices, get_or<std::uint64_t>(*books, "invoices", 0));
    closed_ = closed;
    entries_ = entries;
    invoices_ = invoices;
    if (books->contains("months")) {
      PENSTOCK_TRY(months, get_object(*books, "months"));
      for (const auto& entry : *months) {
        PENSTOCK_TRY(month, as_object(entry.value()));
        if (!month->contains("tallies")) continue;
        PENSTOCK_TRY(tallies, get_object(*month, "tallies"));
        for (const auto& item : *tallies) {
          PENSTOCK_TRY(tally, as_object(item.value()));
          PENSTOCK_TRY(project, get<std::string>(*tally, "project"));
          PENSTOCK_TRY(contract, get<std::string>(*tally, "contract"));
          PENSTOCK_TRY(site, get<std::string>(*tally, "site"));
          PENSTOCK_TRY(cost, get<Money>(*tally, "cost"));
          PENSTOCK_TRY(energy, get<Joules>(*tally, "energy"));
          Month& book = months_[std::string(entry.key())];
          book.costs[{tenant_of(project), cost.currency}] += cost.micros;
          book.work[{site, contract, project}] += energy.count();
        }
      }
    }
  }
  if (!facts.contains("jobs")) return ok_status();
  PENSTOCK_TRY(jobs, get_object(facts, "jobs"));
  for (const auto& entry : *jobs) {
    PENSTOCK_TRY(job, as_object(entry.value()));
    PENSTOCK_TRY(phase, get<std::string>(*job, "phase"));
    if (phase != "starting" && phase != "running" && phase != "stopping") continue;
    PENSTOCK_TRY(allocation, get_object(*job, "allocation"));
    PENSTOCK_RETURN_IF_ERROR(on_started(*allocation));
    if (!job->contains("metered")) continue;
    PENSTOCK_TRY(metered, get_object(*job, "metered"));
    PENSTOCK_TRY(until, get<Time>(*metered, "until"));
    PENSTOCK_TRY(uid, get<std::string>(*job, "uid"));
    open_.at(uid).from = until;
  }
  return ok_status();
}

}  // namespace penstock::verifier

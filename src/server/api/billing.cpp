// Usage, invoices, the ledger, budgets and meters.
#include "server/api/billing_bodies.h"

#include "base/month.h"
#include "base/name.h"
#include "server/api/focus.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

constexpr std::size_t kMostOfAMonth = 100'000;

// What the call asks of the shelf, once for each tenant or project that its caller reaches of it; kNotFound where that is none.
Result<std::vector<FileQuery>> queries_of(const Call& call, std::string shelf) {
  FileQuery asked;
  asked.shelf = std::move(shelf);
  asked.month = text(call, "month");
  asked.tenant = text(call, "tenant");
  asked.project = text(call, "project");
  asked.contract = text(call, "contract");
  if (!asked.month.empty()) {
    if (auto start = month_start(asked.month); !start.ok()) return make_error(Code::kInvalid, start.error().message, "month");
  }
  PENSTOCK_TRY(after, number(call, "cursor", 0, ~std::uint64_t{0} >> 1));
  PENSTOCK_TRY(limit, page_limit(call));
  asked.after = after;
  asked.most = limit + 1;
  const std::string tenant = asked.project.empty() ? asked.tenant : std::string(tenant_of(asked.project));
  const std::set<std::string> scopes = scopes_of(call, tenant);
  std::vector<FileQuery> queries;
  for (const std::string& scope : scopes) {
    const bool project = scope.find('/') != std::string::npos;
    if (project && !asked.project.empty() && scope != asked.project) continue;
    FileQuery& query = queries.emplace_back(asked);
    if (query.tenant.empty()) query.tenant = tenant_of(scope);
    if (project) query.project = scope;
  }
  if (queries.empty()) return unknown("Tenant", tenant);
  return queries;
}

// The rows of all queries, each once, in the order of the log; no more than one of them would give.
Result<std::vector<FiledDocument>> read_all(Journal& journal, const std::vector<FileQuery>& queries) {
  std::map<Position, std::string> rows;
  for (const FileQuery& query : queries) {
    PENSTOCK_TRY(found, journal.filed(query));
    for (FiledDocument& row : found) rows.emplace(row.position, std::move(row.document));
  }
  std::vector<FiledDocument> out;
  for (auto& [position, document] : rows) {
    if (out.size() == queries.front().most) break;
    out.push_back({position, std::move(document)});
  }
  return out;
}

// Answers with a page of a shelf, of which `take` reads each document.
template <class Page>
void respond_page(Core& core, const std::shared_ptr<Call>& call, std::string shelf, Status (*take)(Page&, const FiledDocument&)) {
  auto queries = queries_of(*call, std::move(shelf));
  if (!queries.ok()) return refuse(call, queries.error());
  core.read([call, take, queries = std::move(*queries)](Core::View& view) {
    auto rows = read_all(view.journal, queries);
    if (!rows.ok()) return refuse(call, rows.error());
    const std::size_t most = queries.front().most - 1;
    Page page;
    page.position = view.state.facts().position;
    for (const FiledDocument& row : *rows) {
      if (page.items.size() == most) {
        page.next = std::to_string((*rows)[most - 1].position);
        break;
      }
      if (Status taken = take(page, row); !taken.ok()) return refuse(call, taken.error());
    }
    call->respond(json_response(page));
  });
}

// Answers with the only row of a query as it is kept, if there is one that `may` be seen.
void respond_one(const std::shared_ptr<Call>& call, Core::View& view, FileQuery query, const Error& none,
                 const std::function<bool(const std::string&)>& may) {
  query.most = 1;
  auto rows = view.journal.filed(query);
  if (!rows.ok()) return refuse(call, rows.error());
  if (rows->empty() || !may(rows->front().document)) return refuse(call, none);
  HttpResponse response;
  response.body = std::move(rows->front().document);
  call->respond(std::move(response));
}

// What an export needs to know besides the invoice.
FocusContext focus_context(const Facts& facts, const Invoice& invoice) {
  FocusContext out;
  out.provider = "Penstock";
  const auto tenant = facts.tenants.find(invoice.tenant);
  if (tenant != facts.tenants.end()) out.tenant_name = tenant->second.spec.display_name;
  out.region = [&facts](const std::string& site) {
    const auto found = facts.sites.find(site);
    return found == facts.sites.end() ? FocusRegion{} : FocusRegion{site, found->second.spec.country};
  };
  out.tags = [&facts](const std::string& project) {
    const auto found = facts.projects.find(project);
    return found == facts.projects.end() ? std::map<std::string, std::string>{} : found->second.labels;
  };
  return out;
}

}  // namespace

void Api::list_usage_rows(std::shared_ptr<Call> call) {
  respond_page<UsageRowList>(core_, call, "usage", [](UsageRowList& page, const FiledDocument& row) -> Status {
    PENSTOCK_TRY(usage, from_json_text<Usage>(row.document));
    page.items.push_back({row.position, std::move(usage)});
    return ok_status();
  });
}

void Api::list_invoices(std::shared_ptr<Call> call) {
  respond_page<InvoiceList>(core_, call, "invoice", [](InvoiceList& page, const FiledDocument& row) -> Status {
    PENSTOCK_TRY(invoice, from_json_text<Invoice>(row.document));
    page.items.push_back(std::move(invoice));
    return ok_status();
  });
}

void Api::get_invoice(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    FileQuery query;
    query.shelf = "invoice";
    query.name = call->name();
    respond_one(call, view, query, unknown("Invoice", call->name()), [&](const std::string& document) {
      const auto invoice = from_json_text<Invoice>(document);
      return invoice.ok() && call->reaches(invoice->tenant);
    });
  });
}

void Api::focus(std::shared_ptr<Call> call) {
  auto queries = queries_of(*call, "invoice");
  if (!queries.ok()) return refuse(call, queries.error());
  const std::string format = text(*call, "format");
  if (!format.empty() && format != "json" && format != "csv") {
    return refuse(call, make_error(Code::kInvalid, fmt::format("expected json or csv, found '{}'", format), "format"));
  }
  for (FileQuery& query : *queries) query.most = kMostOfAMonth;
  core_.read([call, format, queries = std::move(*queries)](Core::View& view) {
    auto documents = read_all(view.journal, queries);
    if (!documents.ok()) return refuse(call, documents.error());
    std::vector<FocusRow> rows;
    for (const FiledDocument& document : *documents) {
      auto invoice = from_json_text<Invoice>(document.document);
      if (!invoice.ok()) return refuse(call, invoice.error());
      for (FocusRow& row : focus_rows(*invoice, focus_context(view.state.facts(), *invoice))) rows.push_back(std::move(row));
    }
    HttpResponse response;
    if (format == "csv") response.content_type = "text/csv; charset=utf-8";
    response.body = format == "csv" ? focus_csv(rows) : focus_json(rows);
    call->respond(std::move(response));
  });
}

void Api::list_months(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const Books& books = view.state.facts().books;
    MonthList list;
    if (!books.closed.empty()) {
      const Time from = *month_start(books.closed);
      list.items.push_back({books.closed, true, from, next_month(from), {}, {}});
    }
    for (const auto& [month, book] : books.months) {
      MonthView& item = list.items.emplace_back(MonthView{month, false, book.from, book.to, {}, {}});
      for (const auto& [key, tally] : book.tallies) {
        if (call->reaches(tally.project)) item.tallies.push_back(tally);
      }
      for (const Adjustment& adjustment : book.adjustments) {
        if (call->reaches(adjustment.project)) item.adjustments.push_back(adjustment);
      }
    }
    call->respond(json_response(list));
  });
}

void Api::get_month(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    FileQuery query;
    query.shelf = "month";
    query.month = call->name();
    respond_one(call, view, query, make_error(Code::kNotFound, fmt::format("'{}' is no month that was closed", call->name())),
                [](const std::string&) { return true; });
  });
}

void Api::close_month(std::shared_ptr<Call> call) {
  CloseMonth command{call->name()};
  execute(std::move(call), std::move(command), 200);
}

void Api::ledger(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const Books& books = view.state.facts().books;
    AccountList list;
    list.entries = books.entries;
    for (const auto& [key, micros] : books.accounts) {
      const std::size_t space = key.rfind(' ');
      list.items.push_back({key.substr(0, space), {micros, key.substr(space + 1)}});
    }
    call->respond(json_response(list));
  });
}

void Api::ledger_entries(std::shared_ptr<Call> call) {
  FileQuery query;
  query.shelf = "entries";
  query.month = text(*call, "month");
  query.most = kMostOfAMonth;
  if (auto start = month_start(query.month); !start.ok()) return refuse(call, make_error(Code::kInvalid, start.error().message, "month"));
  core_.read([call, query](Core::View& view) {
    auto rows = view.journal.filed(query);
    if (!rows.ok()) return refuse(call, rows.error());
    EntryList list;
    for (const FiledDocument& row : *rows) {
      auto entries = from_json_text<std::vector<Entry>>(row.document);
      if (!entries.ok()) return refuse(call, entries.error());
      list.items.insert(list.items.end(), entries->begin(), entries->end());
    }
    call->respond(json_response(list));
  });
}

void Api::budgets(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    const Facts& facts = view.state.facts();
    BudgetList list;
    for (const auto& [project, spending] : facts.books.spending) {
      if (!call->reaches(project)) continue;
      const Money budget = facts.projects.at(project).spec.budget->per_month;
      const Money spent = view.state.spent_by(project, std::max(view.now, spending.as_of));
      const Ppm part(budget.micros == 0 ? 0 : mul_div_floor(spent.micros, 1'000'000, budget.micros));
      list.items.push_back({project, spending.month, budget, spent, part, spending.stopped});
    }
    call->respond(json_response(list));
  });
}

void Api::read_meter(std::shared_ptr<Call> call) {
  auto body = body_of<Reading>(*call);
  if (!body.ok()) return refuse(call, body.error());
  execute(std::move(call), ReadMeter{std::move(*body)}, 200);
}

void Api::adjust(std::shared_ptr<Call> call) {
  auto body = body_of<Adjustment>(*call);
  if (!body.ok()) return refuse(call, body.error());
  execute(std::move(call), Adjust{std::move(*body)}, 200);
}

}  // namespace penstock

// Usage, invoices, the ledger, budgets and meters.
#include "server/api/billing_bodies.h"

#include "base/month.h"
#include "base/name.h"
#include "server/api/focus.h"
#include "server/api/handlers.h"

namespace penstock {
namespace {

constexpr std::size_t kMostOfAMonth = 100'000;

// The shelf's rows that the call asks for, as far as its caller may see them; nothing if it asks for what is foreign.
Result<FileQuery> query_of(const Call& call, std::string shelf) {
  FileQuery query;
  query.shelf = std::move(shelf);
  query.month = text(call, "month");
  query.tenant = text(call, "tenant");
  query.project = text(call, "project");
  query.contract = text(call, "contract");
  if (!query.month.empty()) {
    if (auto start = month_start(query.month); !start.ok()) return make_error(Code::kInvalid, start.error().message, "month");
  }
  PENSTOCK_TRY(after, number(call, "cursor", 0, ~std::uint64_t{0} >> 1));
  PENSTOCK_TRY(limit, page_limit(call));
  query.after = after;
  query.most = limit + 1;
  return query;
}

// Reads a page and gives each document to `take`.
template <class Page>
void respond_page(const std::shared_ptr<Call>& call, Core::View& view, FileQuery query, const std::function<Status(Page&, const FiledDocument&)>& take) {
  const std::size_t most = query.most - 1;
  auto rows = view.journal.filed(query);
  if (!rows.ok()) return refuse(call, rows.error());
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
}

}  // namespace

void Api::list_usage_rows(std::shared_ptr<Call> call) {
  auto query = query_of(*call, "usage");
  if (!query.ok()) return refuse(call, query.error());
  if (Status narrowed = narrow(*call, *query); !narrowed.ok()) return refuse(call, narrowed.error());
  core_.read([call, query = std::move(*query)](Core::View& view) {
    respond_page<UsageRowList>(call, view, query, [](UsageRowList& page, const FiledDocument& row) -> Status {
      PENSTOCK_TRY(usage, from_json_text<Usage>(row.document));
      page.items.push_back({row.position, std::move(usage)});
      return ok_status();
    });
  });
}

void Api::list_invoices(std::shared_ptr<Call> call) {
  auto query = query_of(*call, "invoice");
  if (!query.ok()) return refuse(call, query.error());
  if (Status narrowed = narrow(*call, *query); !narrowed.ok()) return refuse(call, narrowed.error());
  core_.read([call, query = std::move(*query)](Core::View& view) {
    respond_page<InvoiceList>(call, view, query, [](InvoiceList& page, const FiledDocument& row) -> Status {
      PENSTOCK_TRY(invoice, from_json_text<Invoice>(row.document));
      page.items.push_back(std::move(invoice));
      return ok_status();
    });
  });
}

void Api::get_invoice(std::shared_ptr<Call> call) {
  core_.read([call](Core::View& view) {
    FileQuery query;
    query.shelf = "invoice";
    query.name = call->name();
    query.most = 1;
    auto rows = view.journal.filed(query);
    if (!rows.ok()) return refuse(call, rows.error());
    if (rows->empty()) return refuse(call, unknown("Invoice", call->name()));
    auto invoice = from_json_text<Invoice>(rows->front().document);
    if (!invoice.ok()) return refuse(call, invoice.error());
    if (!call->sees(invoice->tenant)) return refuse(call, unknown("Invoice", call->name()));
    call->respond(json_response(*invoice));
  });
}

void Api::focus(std::shared_ptr<Call> call) {
  auto query = query_of(*call, "invoice");
  if (!query.ok()) return refuse(call, query.error());
  if (query->month.empty()) return refuse(call, make_error(Code::kInvalid, "expected a month such as 2026-07", "month"));
  if (Status narrowed = narrow(*call, *query); !narrowed.ok()) return refuse(call, narrowed.error());
  query->most = kMostOfAMonth;
  core_.read([this, call, query = std::move(*query)](Core::View& view) {
    auto documents = view.journal.filed(query);
    if (!documents.ok()) return refuse(call, documents.error());
    std::vector<FocusRow> rows;
    for (const FiledDocument& document : *documents) {
      auto invoice = from_json_text<Invoice>(document.document);
      if (!invoice.ok()) return refuse(call, invoice.error());
      for (FocusRow& row : focus_rows(*invoice, focus_context(view.state.facts(), *invoice))) rows.push_back(std::move(row));
    }
    HttpResponse response;
    const bool csv = text(*call, "format") == "csv";
    if (csv) response.content_type = "text/csv; charset=utf-8";
    response.body = csv ? focus_csv(rows) : focus_json(rows);
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
        if (call->sees(tenant_of(tally.project))) item.tallies.push_back(tally);
      }
      for (const Adjustment& adjustment : book.adjustments) {
        if (call->sees(tenant_of(adjustment.project))) item.adjustments.push_back(adjustment);
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
    query.most = 1;
    auto rows = view.journal.filed(query);
    if (!rows.ok()) return refuse(call, rows.error());
    if (rows->empty()) {
      return refuse(call, make_error(Code::kNotFound, fmt::format("'{}' is no month that was closed", call->name())));
    }
    HttpResponse response;
    response.body = rows->front().document;
    call->respond(std::move(response));
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
      if (!call->sees(tenant_of(project))) continue;
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

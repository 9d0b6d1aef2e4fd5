// invoice, usage, month, ledger, budget, meter, adjust.
#include <fstream>

#include <CLI/CLI.hpp>

#include "base/csv.h"
#include "cli/cli.h"
#include "cli/invoice_page.h"
#include "cli/pages.h"
#include "server/api/billing_bodies.h"

namespace penstock {
namespace {

struct Flags {
  std::string name, month, tenant, project, contract, site, from, to, energy, amount, note, corrects, html, output = "table";
  bool rows = false;
  bool csv = false;
};

// Lines of invoices with exact amounts, RFC 4180.
std::string lines_csv(const std::vector<Invoice>& invoices) {
  std::string out = "invoice,kind,contract,project,site,gpuModel,from,to,gpuTime,energy,carbon,price,rows,amount,currency,note\r\n";
  for (const Invoice& invoice : invoices) {
    for (const InvoiceLine& line : invoice.lines) {
      const std::string amount = Text<Money>::format({line.amount.micros, ""});
      out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", invoice.name, name_of(line.kind), line.contract, line.project,
                         line.site, line.gpu_model, Text<Time>::format(line.from), Text<Time>::format(line.to),
                         line.gpu_time ? Text<GpuMicros>::format(*line.gpu_time) : "", line.energy ? Text<Joules>::format(*line.energy) : "",
                         line.carbon ? Text<Milligrams>::format(*line.carbon) : "", line.price ? Text<Money>::format(*line.price) : "", line.rows,
                         amount, line.amount.currency, csv_field(line.note));
    }
  }
  return out;
}

int list_invoices(ApiClient& client, const Flags& flags, Format format) {
  auto invoices = all_pages<InvoiceList>(client, "/v1/invoices", {{"month", flags.month}, {"tenant", flags.tenant}});
  if (!invoices.ok()) return fail(invoices.error());
  if (flags.csv) {
    fmt::print("{}", lines_csv(*invoices));
    return 0;
  }
  if (format != Format::kTable) {
    print_json(to_json(*invoices), format);
    return 0;
  }
  Table table({"NAME", "NUMBER", "TENANT", "MONTH", "LINES", "SUM", "TAX", "TOTAL", "TO PAY"});
  for (const Invoice& invoice : *invoices) {
    table.row({invoice.name, std::to_string(invoice.number), invoice.tenant, invoice.month, std::to_string(invoice.lines.size()),
               money_text(invoice.subtotal), money_text(invoice.tax_amount), money_text(invoice.total), money_text(invoice.due)});
  }
  fmt::print("{}", table.text());
  return 0;
}

int show_invoice(ApiClient& client, const Flags& flags, Format format) {
  auto invoice = client.get<Invoice>("/v1/invoices/" + url_path(flags.name));
  if (!invoice.ok()) return fail(invoice.error());
  if (!flags.html.empty()) {
    std::ofstream file(flags.html);
    file << invoice_page(*invoice);
    if (!file.flush()) return fail(make_error(Code::kUnavailable, fmt::format("cannot write {}", flags.html)));
    fmt::print("wrote {}\n", flags.html);
    return 0;
  }
  if (flags.csv) {
    fmt::print("{}", lines_csv({*invoice}));
    return 0;
  }
  if (format != Format::kTable) {
    print_json(to_json(*invoice), format);
    return 0;
  }
  fmt::print("{}: invoice {} to {} for {}\n\n", invoice->name, invoice->number, invoice->tenant, invoice->month);
  Table table({"WHAT", "CONTRACT", "PROJECT", "QUANTITY", "PRICE", "AMOUNT"});
  for (const InvoiceLine& line : invoice->lines) {
    table.row({describe(line), line.contract, line.project.empty() ? "-" : line.project, quantity_text(line),
               line.price ? money_text(*line.price) : "", money_text(line.amount)});
  }
  fmt::print("{}\n", table.text());
  fmt::print("sum      {}\n", money_text(invoice->subtotal));
  if (invoice->tax) fmt::print("{:8} {} ({})\n", invoice->tax->name, money_text(invoice->tax_amount), Text<Ppm>::format(invoice->tax->rate));
  if (invoice->prepaid.micros != 0) fmt::print("prepaid  {}\n", money_text({-invoice->prepaid.micros, invoice->prepaid.currency}));
  fmt::print("to pay   {}\n", money_text(invoice->due));
  return 0;
}

int focus(ApiClient& client, const Flags& flags) {
  auto response = client.request("GET", "/v1/focus" + query_text({{"month", flags.month}, {"tenant", flags.tenant}, {"format", flags.output}}));
  if (!response.ok()) return fail(response.error());
  fmt::print("{}", response->body);
  return 0;
}

int usage_rows(ApiClient& client, const Flags& flags, Format format) {
  auto rows = all_pages<UsageRowList>(client, "/v1/usage/rows",
                                   {{"month", flags.month}, {"tenant", flags.tenant}, {"project", flags.project}, {"contract", flags.contract}});
  if (!rows.ok()) return fail(rows.error());
  if (format != Format::kTable) {
    print_json(to_json(*rows), format);
    return 0;
  }
  Table table({"POSITION", "WORKLOAD", "MODEL", "SITE", "FROM", "TO", "GPU TIME", "ENERGY", "BY", "PRICE", "COST"});
  for (const UsageRow& row : *rows) {
    const Usage& usage = row.usage;
    table.row({std::to_string(row.position), usage.workload, usage.gpu_model, usage.site, Text<Time>::format(usage.from), Text<Time>::format(usage.to),
               gpu_hours_text(usage.gpu_time), kwh_text(usage.energy), std::string(name_of(usage.energy_source)), money_text(usage.price), money_text(usage.cost)});
  }
  fmt::print("{}", table.text());
  return 0;
}

// What the open months have come to, by project, contract, model and site.
int usage(ApiClient& client, const Flags& flags, Format format) {
  if (flags.rows) return usage_rows(client, flags, format);
  auto months = client.get<MonthList>("/v1/months");
  if (!months.ok()) return fail(months.error());
  if (format != Format::kTable) {
    print_json(to_json(*months), format);
    return 0;
  }
  Table table({"MONTH", "PROJECT", "CONTRACT", "MODEL", "SITE", "ROWS", "GPU TIME", "ENERGY", "COST"});
  for (const MonthView& month : months->items) {
    if (!flags.month.empty() && month.month != flags.month) continue;
    for (const Tally& tally : month.tallies) {
      if (!flags.project.empty() && tally.project != flags.project) continue;
      table.row({month.month, tally.project, tally.contract, tally.gpu_model, tally.site, grouped(tally.rows), gpu_hours_text(tally.gpu_time),
                 kwh_text(tally.energy), money_text(tally.cost)});
    }
  }
  fmt::print("{}", table.text());
  return 0;
}

int show_month(ApiClient& client, const Flags& flags, Format format) {
  auto month = client.get<MonthClosed>("/v1/months/" + url_path(flags.month));
  if (!month.ok()) return fail(month.error());
  if (format != Format::kTable) {
    print_json(to_json(*month), format);
    return 0;
  }
  for (const EnergyBalance& site : month->sites) {
    fmt::print("{} imported {}, {} of the time by its meter", site.site, kwh_text(site.imported), Text<Ppm>::format(site.measured));
    if (site.price) fmt::print(", at {} a kWh on average", money_text(*site.price));
    fmt::print("\n");
    Table table({"CONTRACT", "PROJECT", "WORK", "ITS PART OF THE REST", "TOGETHER"});
    for (const EnergyPart& part : site.parts) {
      table.row({part.contract.empty() ? "the provider" : part.contract, part.project.empty() ? "-" : part.project, kwh_text(part.work), kwh_text(part.shared),
                 kwh_text(part.work + part.shared)});
    }
    fmt::print("{}\n", table.text());
  }
  return 0;
}

int close(ApiClient& client, const Flags& flags) {
  auto reply = client.call<Reply>("POST", fmt::format("/v1/months/{}/close", url_path(flags.month)));
  if (!reply.ok()) return fail(reply.error());
  for (const ObjectChange& change : reply->changes) {
    if (change.kind == "Invoice") fmt::print("issued {}\n", change.name);
  }
  fmt::print("{} is closed\n", flags.month);
  return 0;
}

int ledger(ApiClient& client, const Flags& flags, Format format) {
  if (!flags.month.empty()) {
    auto entries = client.get<EntryList>("/v1/ledger/entries" + query_text({{"month", flags.month}}));
    if (!entries.ok()) return fail(entries.error());
    if (format != Format::kTable) {
      print_json(to_json(*entries), format);
      return 0;
    }
    Table table({"ENTRY", "WHAT", "ACCOUNT", "DEBIT", "CREDIT"});
    for (const Entry& entry : entries->items) {
      for (const Posting& posting : entry.postings) {
        const bool debit = posting.amount.micros > 0;
        table.row({std::to_string(entry.number), entry.memo, posting.account, debit ? money_text(posting.amount) : "",
                   debit ? "" : money_text({-posting.amount.micros, posting.amount.currency})});
      }
    }
    fmt::print("{}", table.text());
    return 0;
  }
  auto accounts = client.get<AccountList>("/v1/ledger");
  if (!accounts.ok()) return fail(accounts.error());
  if (format != Format::kTable) {
    print_json(to_json(*accounts), format);
    return 0;
  }
  Table table({"ACCOUNT", "BALANCE"});
  std::map<std::string, std::int64_t> sums;
  for (const AccountView& account : accounts->items) {
    table.row({account.account, money_text(account.balance)});
    sums[account.balance.currency] += account.balance.micros;
  }
  fmt::print("{}", table.text());
  for (const auto& [currency, sum] : sums) fmt::print("\nall accounts together: {}", money_text({sum, currency}));
  fmt::print("\n{} entries\n", grouped(static_cast<std::int64_t>(accounts->entries)));
  return 0;
}

int budgets(ApiClient& client, Format format) {
  auto list = client.get<BudgetList>("/v1/budgets");
  if (!list.ok()) return fail(list.error());
  if (format != Format::kTable) {
    print_json(to_json(*list), format);
    return 0;
  }
  Table table({"PROJECT", "MONTH", "BUDGET", "SPENT", "PART", "STOPPED"});
  for (const BudgetView& row : list->items) {
    table.row({row.project, row.month, money_text(row.budget), money_text(row.spent), Text<Ppm>::format(row.part), row.stopped ? "yes" : "no"});
  }
  fmt::print("{}", table.text());
  return 0;
}

int meter(ApiClient& client, const Flags& flags) {
  Reading reading;
  reading.site = flags.site;
  auto from = Text<Time>::parse(flags.from);
  auto to = Text<Time>::parse(flags.to);
  auto energy = Text<Joules>::parse(flags.energy);
  if (!from.ok()) return fail(from.error(), kUsage);
  if (!to.ok()) return fail(to.error(), kUsage);
  if (!energy.ok()) return fail(energy.error(), kUsage);
  reading.from = *from;
  reading.to = *to;
  reading.energy = *energy;
  auto reply = client.post<Reply>("/v1/readings", reading);
  if (!reply.ok()) return fail(reply.error());
  fmt::print("{}\n", reply->changes.empty() ? "known already; nothing was changed" : "taken in");
  return 0;
}

int adjust(ApiClient& client, const Flags& flags) {
  auto amount = Text<Money>::parse(flags.amount);
  if (!amount.ok()) return fail(amount.error(), kUsage);
  auto reply = client.post<Reply>("/v1/adjustments", Adjustment{flags.project, flags.contract, *amount, flags.note, flags.corrects});
  if (!reply.ok()) return fail(reply.error());
  fmt::print("{} will stand on the invoice of {}\n", money_text(*amount), flags.project);
  return 0;
}

}  // namespace

void add_billing_verbs(CLI::App& app, Cli& cli) {
  auto flags = std::make_shared<Flags>();
  const auto run = [&cli, flags](auto verb) {
    return [&cli, flags, verb] { cli.with_client([&](ApiClient& client) { return verb(client, *flags, cli.output()); }); };
  };
  const auto of_month = [flags](CLI::App* verb, bool required) {
    verb->add_option("--month", flags->month, "calendar month of UTC, e.g. 2026-07")->required(required);
  };

  auto* invoice = app.add_subcommand("invoice", "What tenants are asked: list, show, export")->require_subcommand(1);
  auto* list = invoice->add_subcommand("list", "List invoices");
  of_month(list, false);
  list->add_option("--tenant", flags->tenant, "only of this tenant");
  list->add_flag("--csv", flags->csv, "all lines as CSV, with exact amounts");
  list->callback(run(list_invoices));
  auto* show = invoice->add_subcommand("show", "One invoice with its lines");
  show->add_option("name", flags->name, "e.g. acme-2026-07-usd")->required();
  show->add_flag("--csv", flags->csv, "its lines as CSV, with exact amounts");
  show->add_option("--html", flags->html, "write a page to print into this file");
  show->callback(run(show_invoice));
  auto* exported = invoice->add_subcommand("export", "A month's charges by FOCUS 1.2 (FinOps Open Cost and Usage Specification)");
  of_month(exported, true);
  exported->add_option("--tenant", flags->tenant, "only of this tenant");
  exported->add_option("--format", flags->output, "csv or json")->check(CLI::IsMember({"csv", "json"}))->default_str("csv");
  exported->callback([&cli, flags] {
    if (flags->output == "table") flags->output = "csv";
    cli.with_client([&](ApiClient& client) { return focus(client, *flags); });
  });

  auto* usage_verb = app.add_subcommand("usage", "What the open months have come to; or rows of usage");
  of_month(usage_verb, false);
  usage_verb->add_option("--tenant", flags->tenant, "with --rows: only of this tenant");
  usage_verb->add_option("--project", flags->project, "only of this tenant/project");
  usage_verb->add_option("--contract", flags->contract, "with --rows: only under this contract");
  usage_verb->add_flag("--rows", flags->rows, "every row, of closed months too");
  usage_verb->callback(run(usage));

  auto* month = app.add_subcommand("month", "Close a month; see where its energy went")->require_subcommand(1);
  auto* close_verb = month->add_subcommand("close", "Share out the energy, post, and issue the invoices of a month that is over");
  close_verb->add_option("month", flags->month, "e.g. 2026-07")->required();
  close_verb->callback([&cli, flags] { cli.with_client([&](ApiClient& client) { return close(client, *flags); }); });
  auto* month_show = month->add_subcommand("show", "Where the energy of a closed month went");
  month_show->add_option("month", flags->month, "e.g. 2026-07")->required();
  month_show->callback(run(show_month));

  auto* ledger_verb = app.add_subcommand("ledger", "Balances of all accounts; with --month the entries of one");
  of_month(ledger_verb, false);
  ledger_verb->callback(run(ledger));

  app.add_subcommand("budget", "What projects have spent of their budgets")->callback([&cli] {
    cli.with_client([&](ApiClient& client) { return budgets(client, cli.output()); });
  });

  auto* meter_verb = app.add_subcommand("meter", "Take in what a site's meter has shown");
  meter_verb->add_option("site", flags->site, "which")->required();
  meter_verb->add_option("--from", flags->from, "when the stretch begins, RFC 3339")->required();
  meter_verb->add_option("--to", flags->to, "when it ends; in the same month")->required();
  meter_verb->add_option("--energy", flags->energy, "what was imported, e.g. 1234.5kWh")->required();
  meter_verb->callback([&cli, flags] { cli.with_client([&](ApiClient& client) { return meter(client, *flags); }); });

  auto* adjust_verb = app.add_subcommand("adjust", "Charge or credit a project on its next invoice");
  adjust_verb->add_option("project", flags->project, "tenant/project")->required();
  adjust_verb->add_option("contract", flags->contract, "tenant/contract")->required();
  adjust_verb->add_option("amount", flags->amount, "e.g. '-120.00 USD'; below 0 a credit")->required();
  adjust_verb->add_option("--note", flags->note, "why; it stands on the invoice")->required();
  adjust_verb->add_option("--corrects", flags->corrects, "the invoice that it corrects");
  adjust_verb->callback([&cli, flags] { cli.with_client([&](ApiClient& client) { return adjust(client, *flags); }); });
}

}  // namespace penstock

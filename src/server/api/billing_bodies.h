// What the operations of accounts take and give.
#pragma once

#include "engine/event.h"

namespace penstock {

struct InvoiceList {
  std::vector<Invoice> items;
  Position position = 0;
  std::string next;

  static constexpr auto schema() {
    return object("InvoicePage", "A page of invoices, the oldest first.", field("items", &InvoiceList::items, required, "this page"),
                  field("position", &InvoiceList::position, required, "the last event"),
                  field("next", &InvoiceList::next, optional, "cursor of the next page; absent at the end"));
  }
};

struct UsageRow {
  Position position = 0;
  Usage usage;

  static constexpr auto schema() {
    return object("UsageRow", "A row of usage and where it stands in the log.",
                  field("position", &UsageRow::position, required, "of its event"), field("usage", &UsageRow::usage, required, "the row"));
  }
};

struct UsageRowList {
  std::vector<UsageRow> items;
  Position position = 0;
  std::string next;

  static constexpr auto schema() {
    return object("UsageRowPage", "A page of rows of usage, the oldest first.",
                  field("items", &UsageRowList::items, required, "this page"),
                  field("position", &UsageRowList::position, required, "the last event"),
                  field("next", &UsageRowList::next, optional, "cursor of the next page; absent at the end"));
  }
};

/// A month as it stands. Of an open one what rows and adjustments have come to; running work is in it up to its last row.
struct MonthView {
  std::string month;
  bool closed = false;
  Time from;
  Time to;
  std::vector<Tally> tallies;
  std::vector<Adjustment> adjustments;

  static constexpr auto schema() {
    return object("Month", "A month as it stands.", field("month", &MonthView::month, required, "e.g. 2026-07"),
                  field("closed", &MonthView::closed, optional, "true: its invoices are issued and nothing is added to it"),
                  field("from", &MonthView::from, required, "when it begins"), field("to", &MonthView::to, required, "when it ends"),
                  field("tallies", &MonthView::tallies, optional, "open: rows of usage, added up"),
                  field("adjustments", &MonthView::adjustments, optional, "open: charges and credits by hand"));
  }
};

struct MonthList {
  std::vector<MonthView> items;

  static constexpr auto schema() {
    return object("MonthList", "Months that are open, and the last that was closed.", field("items", &MonthList::items, required, "the oldest first"));
  }
};

struct AccountView {
  std::string account;
  Money balance;

  static constexpr auto schema() {
    return object("Account", "An account of the ledger.", field("account", &AccountView::account, required, "e.g. receivable:acme"),
                  field("balance", &AccountView::balance, required, "debit above 0, credit below"));
  }
};

struct AccountList {
  std::vector<AccountView> items;
  std::uint64_t entries = 0;

  static constexpr auto schema() {
    return object("Ledger", "Balances of all accounts; in each currency they add up to 0.",
                  field("items", &AccountList::items, required, "accounts"), field("entries", &AccountList::entries, required, "entries so far"));
  }
};

struct EntryList {
  std::vector<Entry> items;

  static constexpr auto schema() {
    return object("EntryList", "Entries of a month. Besides them each row of usage debits `unbilled:TENANT` and credits `revenue:gpu` by its cost.",
                  field("items", &EntryList::items, required, "in order"));
  }
};

struct BudgetView {
  std::string project;
  std::string month;
  Money budget;
  Money spent;
  Ppm part;
  bool stopped = false;

  static constexpr auto schema() {
    return object("BudgetStatus", "What a project has spent of its budget.", field("project", &BudgetView::project, required, "tenant/project"),
                  field("month", &BudgetView::month, required, "of the budget"), field("budget", &BudgetView::budget, required, "of the month"),
                  field("spent", &BudgetView::spent, required, "by GPU time until now, running work included"),
                  field("part", &BudgetView::part, required, "of the budget"),
                  field("stopped", &BudgetView::stopped, optional, "true: nothing new of the project starts this month"));
  }
};

struct BudgetList {
  std::vector<BudgetView> items;

  static constexpr auto schema() {
    return object("BudgetList", "Budgets of projects.", field("items", &BudgetList::items, required, "by project"));
  }
};

}  // namespace penstock

// Money, quantities and the page of an invoice.
#include "cli/invoice_page.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(InvoicePage, WritesMoneyExactlyAndInGroups) {
  EXPECT_EQ(money_text({0, "USD"}), "0.00 USD");
  EXPECT_EQ(money_text({1'234'567'890'000, "USD"}), "1,234,567.89 USD");
  EXPECT_EQ(money_text({-1'000'000'001, "NOK"}), "-1,000.000001 NOK");
  EXPECT_EQ(money_text({6'200'000'573'043'776'000, "USD"}), "6,200,000,573,043.776 USD");
}

TEST(InvoicePage, WritesQuantities) {
  InvoiceLine line;
  EXPECT_EQ(quantity_text(line), "");
  line.gpu_time = GpuMicros(5'400'000'000'000);
  EXPECT_EQ(quantity_text(line), "1,500.000 GPU-h");
  line.energy = Joules(-1'800'000);
  EXPECT_EQ(quantity_text(line), "-0.500 kWh");
}

TEST(InvoicePage, HoldsEveryLineAndNothingThatRuns) {
  Invoice invoice;
  invoice.name = "acme-2026-06-usd";
  invoice.tenant = "acme";
  invoice.month = "2026-06";
  InvoiceLine line;
  line.kind = LineKind::kAdjustment;
  line.contract = "acme/main";
  line.amount = {-7'000'000, "USD"};
  line.note = "<script>alert(1)</script> & more";
  invoice.lines = {line};
  invoice.subtotal = invoice.total = invoice.due = {-7'000'000, "USD"};
  invoice.prepaid = {0, "USD"};
  const std::string page = invoice_page(invoice);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more"), std::string::npos);
  EXPECT_NE(page.find("Adjustment"), std::string::npos);
  EXPECT_NE(page.find("-7.00 USD"), std::string::npos);
}

}  // namespace
}  // namespace penstock

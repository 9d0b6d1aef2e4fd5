// Bills that are wrong are found in the log, and right ones are not.
#include <gtest/gtest.h>

#include "log.h"
#include "verify/verify.h"

namespace penstock {
namespace {

// A job of 8 GPUs for an hour at 2 USD, its month closed; `edit` changes the lines before they are checked.
std::vector<std::string> month_of_one_job() {
  return {
      R"({"position":1,"at":"2026-06-01T00:00:00Z","epoch":1,"event":{"type":"leadership.taken","epoch":1}})",
      R"({"position":2,"at":"2026-06-01T00:00:00Z","epoch":1,"event":{"type":"job.submitted","uid":"0000000000000001","name":"acme/llm/a","contract":"acme/main","spec":{"groups":[{"name":"w","replicas":1,"gpus":"8","command":["x"]}]}}})",
      R"({"position":3,"at":"2026-06-01T00:00:00Z","epoch":1,"event":{"type":"job.started","allocation":{"uid":"0000000000000002","job":"0000000000000001","attempt":1,"from":"2026-06-01T00:00:00Z","gpus":"8","demand":"8kW","firm":"8kW","pricePerGpuHour":"2.00 USD","contract":"acme/main","tasks":[{"node":"north/h1/r1/n1","gpus":"8","cpu":"1","memory":"1GiB","port":1,"demand":"8kW","firm":"8kW"}]}}})",
      R"({"position":4,"at":"2026-06-01T01:00:00Z","epoch":1,"event":{"type":"usage.recorded","usage":{"allocation":"0000000000000002","job":"0000000000000001","workload":"acme/llm/a","contract":"acme/main","gpuModel":"h200","site":"north","from":"2026-06-01T00:00:00Z","to":"2026-06-01T01:00:00Z","gpus":"8","gpuTime":"28800GPU-s","energy":"28.8MJ","energySource":"model","price":"2.00 USD","cost":"16.00 USD"}}})",
      R"({"position":5,"at":"2026-06-01T01:00:00Z","epoch":1,"event":{"type":"job.finished","job":"0000000000000001","phase":"succeeded","reason":"completed"}})",
      R"({"position":6,"at":"2026-07-01T00:00:00Z","epoch":1,"event":{"type":"invoice.issued","invoice":{"name":"acme-2026-06-usd","number":1,"tenant":"acme","month":"2026-06","from":"2026-06-01T00:00:00Z","to":"2026-07-01T00:00:00Z","lines":[{"kind":"usage","contract":"acme/main","project":"acme/llm","site":"north","from":"2026-06-01T00:00:00Z","to":"2026-07-01T00:00:00Z","gpuTime":"28800GPU-s","amount":"16.00 USD"},{"kind":"energy","contract":"acme/main","project":"acme/llm","site":"north","from":"2026-06-01T00:00:00Z","to":"2026-07-01T00:00:00Z","energy":"30MJ","amount":"0.00 USD"}],"subtotal":"16.00 USD","tax":{"name":"VAT","rate":"20%"},"taxAmount":"3.20 USD","total":"19.20 USD","received":"0.00 USD","prepaid":"0.00 USD","due":"19.20 USD"},"entry":{"number":1,"month":"2026-06","memo":"invoice acme-2026-06-usd","postings":[{"account":"receivable:acme","amount":"19.20 USD"},{"account":"tax:VAT","amount":"-3.20 USD"},{"account":"unbilled:acme","amount":"-16.00 USD"}]}}})",
      R"({"position":7,"at":"2026-07-01T00:00:00Z","epoch":1,"event":{"type":"month.closed","month":"2026-06","sites":[{"site":"north","imported":"100MJ","measured":"0%","modelled":"100MJ","parts":[{"contract":"acme/main","project":"acme/llm","work":"28.8MJ","shared":"1.2MJ"},{"work":"0J","shared":"70MJ"}]}]}})"};
}

// What the checker says of the books once `from` stands as `to` in line `at`.
std::vector<std::string> found(std::size_t at = 0, const std::string& from = {}, const std::string& to = {}) {
  std::vector<std::string> lines = month_of_one_job();
  if (!from.empty()) {
    const std::size_t place = lines[at - 1].find(from);
    EXPECT_NE(place, std::string::npos) << from;
    lines[at - 1].replace(place, from.size(), to);
  }
  auto report = verify_log(lines);
  EXPECT_TRUE(report.ok()) << to_string(report.error());
  std::vector<std::string> out;
  for (const VerifyFinding& finding : report->violations) {
    if (finding.invariant == 9) out.push_back(finding.message);
  }
  return out;
}

using Messages = std::vector<std::string>;

TEST(Books, OfARightMonthAreProved) { EXPECT_EQ(found(), Messages{}); }

TEST(Books, GpuTimeAndCostAreWorkedOutAnew) {
  EXPECT_EQ(found(4, "28800GPU-s", "28801GPU-s").front(),
            "acme/llm/a held 8 of a GPU from 2026-06-01T00:00:00Z to 2026-06-01T01:00:00Z, and 28801GPU-s were metered");
  EXPECT_EQ(found(4, R"("cost":"16.00 USD")", R"("cost":"16.000001 USD")").front(), "28800GPU-s of acme/llm/a at 2.00 USD cost 16.000001 USD");
}

TEST(Books, AGapAndASecondRowAreFound) {
  EXPECT_EQ(found(4, R"("from":"2026-06-01T00:00:00Z")", R"("from":"2026-06-01T00:30:00Z")").front(),
            "a row of acme/llm/a begins at 2026-06-01T00:30:00Z and not at 2026-06-01T00:00:00Z, where it must");
  EXPECT_EQ(found(4, R"("allocation":"0000000000000002")", R"("allocation":"0000000000000003")").front(),
            "acme/llm/a was metered for an allocation that it does not hold, or for a second time");
  EXPECT_EQ(found(4, R"("cost":"16.00 USD")", R"("cost":"16.00 USD","continues":true)").front(),
            "job 0000000000000001 gave its allocation back and nobody metered it from 2026-06-01T01:00:00Z on");
}

TEST(Books, AnInvoiceMustBeItsRowsAndItsLines) {
  EXPECT_EQ(found(6, R"("gpuTime":"28800GPU-s","amount":"16.00 USD")", R"("gpuTime":"28800GPU-s","amount":"15.00 USD")").front(),
            "invoice acme-2026-06-usd asks 15.00 USD for usage, and its rows come to 16.00 USD");
  EXPECT_EQ(found(6, R"("subtotal":"16.00 USD")", R"("subtotal":"17.00 USD")").front(), "the lines of invoice acme-2026-06-usd do not come to its subtotal");
  EXPECT_EQ(found(6, R"("taxAmount":"3.20 USD")", R"("taxAmount":"3.10 USD")").front(), "the tax of invoice acme-2026-06-usd is not its rate");
  EXPECT_EQ(found(6, R"("due":"19.20 USD")", R"("due":"19.00 USD")").front(), "the sums of invoice acme-2026-06-usd do not agree");
  EXPECT_EQ(found(6, R"("tenant":"acme")", R"("tenant":"zeta")").back(), "16.00 USD of 2026-06 were never asked of acme");
}

TEST(Books, AnEntryMustBalance) {
  EXPECT_EQ(found(6, R"("amount":"-16.00 USD")", R"("amount":"-16.000001 USD")"),
            Messages{"entry 1 (invoice acme-2026-06-usd) does not balance: -0.000001 USD are left"});
}

TEST(Books, EveryJouleMustHaveAnOwner) {
  EXPECT_EQ(found(7, R"("shared":"70MJ")", R"("shared":"69MJ")"), Messages{"the energy of 2026-06 does not add up to what was imported"});
  EXPECT_EQ(found(7, R"("work":"28.8MJ")", R"("work":"28MJ")").front(),
            "acme/main of acme/llm used 28MJ in 2026-06, and its rows say 28.8MJ");
  EXPECT_EQ(found(6, R"("energy":"30MJ")", R"("energy":"29MJ")"), Messages{"the bills of acme/main do not hold its energy of 2026-06"});
}

}  // namespace
}  // namespace penstock

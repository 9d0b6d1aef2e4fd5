// Traces of seven formats: the values that come out, how a format is told, and what becomes of each row that is no job.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/traces/trace.h"

namespace penstock {
namespace {

using F = TraceFormat;

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kGiB = 1 << 30;

Trace read(std::string_view text, std::optional<TraceFormat> format = {}) {
  Result<Trace> trace = read_trace(text, format);
  EXPECT_TRUE(trace.ok()) << to_string(trace.error());
  if (!trace.ok()) return {};
  std::size_t rows = trace->nodes.size() + trace->jobs.size() + trace->bad_rows;
  for (const SkippedRows& skipped : trace->skipped) rows += skipped.count;
  EXPECT_EQ(trace->rows, rows) << "every row becomes something";
  return std::move(*trace);
}

std::string error_of(std::string_view text, std::optional<TraceFormat> format = {}) {
  const Result<Trace> trace = read_trace(text, format);
  return trace.ok() ? "no error" : to_string(trace.error());
}

std::string bad_of(const Trace& trace) {
  std::string out;
  for (const BadRow& row : trace.bad) out += fmt::format("{}: {}\n", row.line, row.why);
  return out;
}

std::string skipped_of(const Trace& trace) {
  std::string out;
  for (const SkippedRows& rows : trace.skipped) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", rows.count, rows.why);
  }
  return out;
}

// `name owner submitted+runs tasks×gpus`, in seconds and GPUs; `~` where the job is divisible.
std::string brief(const TraceJob& job) {
  return fmt::format("{} {} {}+{} {}{}{}", job.name, job.owner.empty() ? "-" : job.owner,
                     job.submitted.count() / 1'000'000'000, job.runs.count() / 1'000'000'000, job.tasks,
                     job.divisible ? "~" : "x", Text<MilliGpu>::format(job.gpus));
}

std::string brief(const Trace& trace) {
  std::string out;
  for (const TraceJob& job : trace.jobs) out += brief(job) + "\n";
  return out;
}

TEST(TraceFormats, HaveNames) {
  EXPECT_EQ(name_of(F::kOpenb), "openb");
  for (const char* name : {"openb", "philly", "helios", "acme", "slurm", "swf", "penstock"}) {
    const std::optional<F> format = enum_from_name<F>(name);
    ASSERT_TRUE(format.has_value()) << name;
    EXPECT_EQ(name_of(*format), name);
  }
  EXPECT_FALSE(enum_from_name<F>("openB").has_value());
}

// ---- openb ----

constexpr std::string_view kPods =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

TEST(Openb, NodesHaveTheirGpus) {
  const Trace trace = read(
      "sn,cpu_milli,memory_mib,gpu,model\n"
      "node-0,32000,262144,0,\n"
      "node-1,96000,393216,8,G2\n");
  EXPECT_EQ(trace.format, F::kOpenb);
  EXPECT_EQ(trace.rows, 2u);
  EXPECT_TRUE(trace.jobs.empty());
  EXPECT_EQ(trace.nodes, (std::vector<TraceNode>{{"node-0", MilliCpu(32'000), Bytes(262'144 * kMiB), 0, ""},
                                                 {"node-1", MilliCpu(96'000), Bytes(393'216 * kMiB), 8, "G2"}}));
}

TEST(Openb, NodesThatCannotBeReadAreTold) {
  const Trace trace = read(
      "sn,cpu_milli,memory_mib,gpu,model\n"
      "node-0,many,262144,0,\n"
      ",96000,393216,8,G2\n"
      "node-2,96000,393216,8\n"
      "node-3,96000,393216,8,G2\n");
  EXPECT_EQ(trace.nodes.size(), 1u);
  EXPECT_EQ(bad_of(trace),
            "2: cpu_milli: expected a whole number from 0 to 1000000000, found 'many'\n"
            "3: sn: expected a name, found ''\n"
            "4: expected 5 columns as in the header, found 4\n");
}

TEST(Openb, PodsAreTasksWithWholeGpusSharesOrNone) {
  const Trace trace = read(std::string(kPods) +
                           "pod-0,12000,16384,1,460,,LS,Running,100,400,130\n"
                           "pod-1,64000,262144,8,1000,V100M16|V100M32,BE,Failed,90,95,90\n"
                           "pod-2,4000,8192,0,0,,Burstable,Succeeded,200,260.5,200\n"
                           "pod-3,4000,8192,1,1000,T4,LS,Pending,300,360,\n");
  EXPECT_EQ(trace.format, F::kOpenb);
  EXPECT_EQ(brief(trace), "pod-1 - 0+5 1x8\npod-0 - 10+270 1x0.46\npod-2 - 110+60 1x0\npod-3 - 210+60 1x1\n");
  const TraceJob& whole = trace.jobs[0];
  EXPECT_EQ(whole.gpu_models, (std::vector<std::string>{"V100M16", "V100M32"}));
  EXPECT_TRUE(whole.preemptible);
  EXPECT_EQ(whole.outcome, "Failed");
  EXPECT_EQ(whole.cpu, MilliCpu(64'000));
  EXPECT_EQ(whole.memory, Bytes(256 * kGiB));
  EXPECT_FALSE(whole.time_limit.has_value());
  EXPECT_FALSE(trace.jobs[1].preemptible);
  EXPECT_TRUE(trace.jobs[1].gpu_models.empty());
  EXPECT_EQ(trace.jobs[2].runs, milliseconds(60'500));
}

TEST(Openb, PodsMayComeWithoutTimes) {
  const Trace trace = read("name,cpu_milli,memory_mib,num_gpu,gpu_milli\npod-0,1000,16,2,1000\npod-1,1000,16,1,10\n");
  EXPECT_EQ(brief(trace), "pod-0 - 0+0 1x2\npod-1 - 0+0 1x0.01\n");
}

TEST(Openb, EachBadPodIsToldWithItsLine) {
  const Trace trace = read(std::string(kPods) +
                           "pod-0,12000,16384,1,0,,LS,Running,100,400,130\n"
                           "pod-1,12000,16384,1,1001,,LS,Running,100,400,130\n"
                           "\n"
                           "pod-2,12000,16384,1.5,1000,,LS,Running,100,400,130\n"
                           "pod-3,12000,16384,1,1000,,LS,Running,100,120,130\n"
                           "pod-4,12000,16384,1,1000,,LS,Running,,120,\n"
                           "pod-5,12000,16384,1,1000,,LS,Running,-5,120,\n"
                           "pod-6,12000,16384,1000001,1000,,LS,Running,0,120,\n"
                           "pod-7,12000,16384,1,1000,,LS,Running,0,3155760001,\n"
                           "pod-8,12000,16384,1,1000,,LS,Running,0,120,,\n"
                           ",12000,16384,1,1000,,LS,Running,0,120,\n"
                           "pod-9,12000,16384,1,1000,,LS,Running,0,3155760000,\n");
  ASSERT_EQ(trace.jobs.size(), 1u);
  EXPECT_EQ(trace.jobs[0].name, "pod-9");
  EXPECT_EQ(trace.jobs[0].runs, hours(876'600));
  EXPECT_EQ(trace.bad_rows, 10u);
  EXPECT_EQ(bad_of(trace),
            "2: gpu_milli: expected a whole number from 1 to 1000, found '0'\n"
            "3: gpu_milli: expected a whole number from 1 to 1000, found '1001'\n"
            "5: num_gpu: expected a whole number from 0 to 1000000, found '1.5'\n"
            "6: deletion_time: expected a time after it was scheduled or created, found '120'\n"
            "7: creation_time: expected seconds such as 66 or 66.5, at most 100 years, found ''\n"
            "8: creation_time: expected seconds such as 66 or 66.5, at most 100 years, found '-5'\n"
            "9: num_gpu: expected a whole number from 0 to 1000000, found '1000001'\n"
            "10: deletion_time: expected seconds such as 66 or 66.5, at most 100 years, found '3155760001'\n"
            "11: expected 11 columns as in the header, found 12\n"
            "12: name: expected a name, found ''\n");
}

// ---- philly ----

TEST(Philly, JobsAreDivisibleAndInTheOrderOfTheirSubmission) {
  const Trace trace = read(
      "timestamp,duration,num_gpus,gpu_time,cluster\n"
      "2017-10-09 07:01:55,66.0,1,66.0,11cb48\n"
      "2017-10-09 07:01:50,2951.5,16,47224.0,6214e9\n"
      "2017-10-09T09:01:52+02:00,10,2,20,6c71a0\n"
      "1507532515.25,0.000000001,1,0,11cb48\n"
      "2017-10-09 07:01:55,7,0,0,\n"
      "2017-10-09 07:01:56,0.1234567899999999999999999999999999999999999,1,0,11cb48\n");
  EXPECT_EQ(trace.format, F::kPhilly);
  EXPECT_EQ(brief(trace),
            "row 3 6214e9 0+2951 1~16\n"
            "row 4 6c71a0 2+10 1~2\n"
            "row 2 11cb48 5+66 1x1\n"
            "row 6 - 5+7 1x0\n"
            "row 5 11cb48 5+0 1x1\n"
            "row 7 11cb48 6+0 1x1\n");
  EXPECT_EQ(trace.jobs[0].runs, milliseconds(2'951'500));
  EXPECT_EQ(trace.jobs[4].submitted, milliseconds(5'250));
  EXPECT_EQ(trace.jobs[4].runs, nanoseconds(1));
  EXPECT_EQ(trace.jobs[5].runs, nanoseconds(123'456'789));
}

TEST(Philly, OtherColumnsMayStandAnywhere) {
  const Trace trace = read(
      ",status,jobid,num_gpus,timestamp,duration,vc,cluster\n"
      "0,Killed,application_1,4.0,2017-10-09 07:01:55,66,ee9e8c,philly\n");
  EXPECT_EQ(brief(trace), "application_1 ee9e8c 0+66 1~4\n");
  EXPECT_EQ(trace.jobs[0].outcome, "Killed");
}

TEST(Philly, EachBadRowIsToldWithItsLine) {
  const Trace trace = read(
      "timestamp,duration,num_gpus,gpu_time,cluster\n"
      "2017-13-09 07:01:55,66.0,1,66.0,a\n"
      "2017-10-09 07:01:55,-66.0,1,66.0,a\n"
      "2017-10-09 07:01:55,66.0,one,66.0,a\n"
      "2017-10-09 07:01:55,66.0,1\n"
      "2017-10-09 07:01:55,6e1,1,66.0,a\n"
      "2100-01-01 00:00:00,66.0,1,66.0,a\n"
      "1969-12-31 23:59:59,66.0,1,66.0,a\n"
      ",66.0,1,66.0,a\n"
      "2017-10-09 07:01:55,66.,1,66.0,a\n"
      "2017-10-09 07:01:55,99999999999999999999,1,66.0,a\n"
      "2017-10-09 07:01:55,66.0,1,66.0,a");
  ASSERT_EQ(trace.jobs.size(), 1u);
  EXPECT_EQ(trace.jobs[0].name, "row 12");
  constexpr std::string_view kTime =
      "timestamp: expected a time such as 2017-10-09 07:01:55, 2017-10-09T07:01:55+08:00 or 1507532515";
  constexpr std::string_view kSeconds = "duration: expected seconds such as 66 or 66.5, at most 100 years";
  EXPECT_EQ(bad_of(trace), fmt::format("2: {0}, found '2017-13-09 07:01:55'\n"
                                       "3: {1}, found '-66.0'\n"
                                       "4: num_gpus: expected a whole number from 0 to 1000000, found 'one'\n"
                                       "5: expected 5 columns as in the header, found 3\n"
                                       "6: {1}, found '6e1'\n"
                                       "7: {0}, found '2100-01-01 00:00:00'\n"
                                       "8: {0}, found '1969-12-31 23:59:59'\n"
                                       "9: {0}, found ''\n"
                                       "10: {1}, found '66.'\n"
                                       "11: {1}, found '99999999999999999999'\n",
                                       kTime, kSeconds));
}

// ---- text ----

TEST(TraceText, MayHaveAMarkCarriageReturnsQuotesAndBlankLines) {
  const Trace trace = read(
      "\xEF\xBB\xBF\r\n\"timestamp\",duration,\"num_gpus\", cluster\r\n\r\n"
      "\"2017-10-09 07:01:55\" , 66.0 ,\"2\",\"a, \"\"b\"\" and c\"\r\n"
      "  \r\n"
      "2017-10-09 07:01:56,\"67\",3,\"\"\r\n"
      "2017-10-09 07:01:57,68,4,a\"b\"");
  EXPECT_EQ(bad_of(trace), "");
  ASSERT_EQ(trace.jobs.size(), 3u);
  EXPECT_EQ(trace.jobs[0].owner, "a, \"b\" and c");
  EXPECT_EQ(trace.jobs[0].name, "row 4");
  EXPECT_EQ(trace.jobs[0].runs, seconds(66));
  EXPECT_EQ(trace.jobs[1].owner, "");
  EXPECT_EQ(trace.jobs[1].name, "row 6");
  EXPECT_EQ(trace.jobs[2].owner, "a\"b\"");
}

TEST(TraceText, AQuoteSwallowsNoMoreThanItsLine) {
  const Trace trace = read(
      "timestamp,duration,num_gpus,cluster\n"
      "2017-10-09 07:01:55,66.0,2,\"a\n"
      "2017-10-09 07:01:55,66.0,2,\"a\"b\n"
      "2017-10-09 07:01:55,66.0,2,\"a\"\"\n"
      "2017-10-09 07:01:55,66.0,2,\"\"\"\"\n");
  EXPECT_EQ(bad_of(trace),
            "2: a quote is not closed on its line\n"
            "3: expected a comma after a closing quote, found 'b'\n"
            "4: a quote is not closed on its line\n");
  ASSERT_EQ(trace.jobs.size(), 1u);
  EXPECT_EQ(trace.jobs[0].owner, "\"");
}

TEST(TraceText, BadRowsAreCountedBeyondThoseThatAreKept) {
  std::string text = "timestamp,duration,num_gpus\n";
  for (int i = 0; i < 1500; ++i) text += "2017-10-09 07:01:55,66.0,-1\n";
  text += "2017-10-09 07:01:55,66.0,1\n";
  const Trace trace = read(text);
  EXPECT_EQ(trace.rows, 1501u);
  EXPECT_EQ(trace.bad_rows, 1500u);
  EXPECT_EQ(trace.bad.size(), Trace::kMostBadRows);
  EXPECT_EQ(trace.bad.back().line, 1001u);
}

TEST(TraceText, WithoutAUsableRowIsAnError) {
  EXPECT_EQ(error_of(""), "1:1: the trace is empty");
  EXPECT_EQ(error_of(" \r\n\n"), "1:1: the trace is empty");
  EXPECT_EQ(error_of("timestamp,duration,num_gpus\n"), "1:1: there is no row in the trace");
  EXPECT_EQ(error_of("timestamp,duration,num_gpus\n\n2017-10-09 07:01:55,66.0,x\n2017-10-09,1,x\n"),
            "3:1: no row of the trace is work that ran; 2 cannot be read, this one first: num_gpus: expected a whole "
            "number from 0 to 1000000, found 'x'");
  EXPECT_EQ(error_of("JobID|Submit|Start|End|AllocTRES\n1|2026-01-01T00:00:00|None|None|\n1.batch||||\n"),
            "1:1: no row of the trace is work that ran; 1 never started; 1 steps of jobs");
}

TEST(TraceText, WithoutANeededColumnIsAnErrorThatNamesThem) {
  EXPECT_EQ(error_of("timestamp,num_gpus,cluster\n2017-10-09 07:01:55,1,a\n"),
            "1:1: the header lacks duration; a trace of format philly has timestamp, duration, num_gpus, found "
            "'timestamp,num_gpus,cluster'");
  EXPECT_EQ(
      error_of("\n\nname,cpu_milli,gpu_milli\nx,1,2\n"),
      "3:1: the header lacks memory_mib, num_gpu; a trace of format openb has name, cpu_milli, memory_mib, num_gpu, "
      "gpu_milli, found 'name,cpu_milli,gpu_milli'");
  EXPECT_EQ(
      error_of("JobID|JobName|State\n1|a|COMPLETED\n"),
      "1:1: the header lacks Submit, Start, End or Elapsed or ElapsedRaw, AllocTRES or ReqTRES or NNodes or "
      "AllocNodes or AllocCPUS or NCPUS or ReqCPUS; a trace of format slurm has JobID or JobIDRaw, Submit, Start, "
      "End or Elapsed or ElapsedRaw, AllocTRES or ReqTRES or NNodes or AllocNodes or AllocCPUS or NCPUS or ReqCPUS, "
      "found 'JobID|JobName|State'");
  EXPECT_EQ(error_of("job_id,gpu_num,submit_time\n1,1,2020-01-01 00:00:00\n"),
            "1:1: the header lacks duration; a trace of format helios has gpu_num, submit_time, duration, found "
            "'job_id,gpu_num,submit_time'");
  EXPECT_EQ(
      error_of("sn,cpu_milli,gpu,model\n"),
      "1:1: the header lacks memory_mib; a trace of format openb has sn, cpu_milli, memory_mib, gpu, model, found "
      "'sn,cpu_milli,gpu,model'");
  EXPECT_EQ(error_of("name,cpu_milli,memory_mib,num_gpu,gpu_milli,deletion_time\n"),
            "1:1: the header lacks creation_time; a trace of format openb has creation_time, found "
            "'name,cpu_milli,memory_mib,num_gpu,gpu_milli,deletion_time'");
  EXPECT_EQ(error_of("", F::kPhilly), "1:1: the trace is empty; expected a header with timestamp, duration, num_gpus");
  EXPECT_EQ(error_of("sn,cpu_milli\n", F::kPhilly),
            "1:1: the header lacks timestamp, duration, num_gpus; a trace of format philly has timestamp, duration, "
            "num_gpus, found 'sn,cpu_milli'");
}

TEST(TraceText, OfNoKnownFormatIsAnErrorThatSaysWhatIsExpected) {
  const Result<Trace> trace = read_trace("\na,b\n1,2\n");
  ASSERT_FALSE(trace.ok());
  EXPECT_EQ(trace.error().code, Code::kInvalid);
  EXPECT_EQ(trace.error().line, 2);
  EXPECT_NE(trace.error().message.find("found 'a,b'"), std::string::npos);
  EXPECT_NE(trace.error().message.find("timestamp and num_gpus (philly)"), std::string::npos);
}

// ---- helios and acme ----

constexpr std::string_view kHelios =
    "job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue\n";

TEST(Helios, JobsHaveATaskANode) {
  const Trace trace =
      read(std::string(kHelios) +
           "1425511,uXBbc,vcJkd,1,6,1,COMPLETED,2020-06-09 18:41:01,2020-06-09 18:41:11,2020-06-10 04:55:09,36838,10\n"
           "1425512,uVMrF,vchbv,16,64,2,FAILED,2020-06-09 18:41:27,2020-06-09 18:41:27,2020-06-09 18:45:36,249,0\n"
           "1425513,uzqls,vcpDC,9,10,2,TIMEOUT,2020-06-09 18:41:28,2020-06-09 18:41:28,2020-06-09 18:41:29,1,0\n"
           "1425514,uzqls,vcpDC,0,40,4,COMPLETED,2020-06-09 18:41:29,2020-06-09 18:41:29,2020-06-09 18:41:29,0,0\n");
  EXPECT_EQ(trace.format, F::kHelios);
  EXPECT_EQ(brief(trace),
            "1425511 vcJkd 0+36838 1x1\n"
            "1425512 vchbv 26+249 2x8\n"
            "1425513 vcpDC 27+1 1~9\n"
            "1425514 vcpDC 28+0 4x0\n");
  EXPECT_EQ(trace.jobs[0].outcome, "COMPLETED");
  EXPECT_EQ(trace.jobs[0].cpu, MilliCpu(6'000));
  EXPECT_EQ(trace.jobs[1].cpu, MilliCpu(32'000));
  EXPECT_EQ(trace.jobs[2].cpu, MilliCpu(10'000));
  EXPECT_EQ(trace.jobs[3].cpu, MilliCpu(10'000));
  EXPECT_EQ(trace.jobs[1].memory, Bytes(0));
}

TEST(Helios, WhatDidNotRunIsCountedApart) {
  const Trace trace = read(std::string(kHelios) +
                           "1,u,vc,1,6,1,CANCELLED,2020-06-09 18:41:01,None,2020-06-10 04:55:09,,\n"
                           "2,u,vc,1,6,0,CANCELLED,2020-06-09 18:41:01,2020-06-09 18:41:02,2020-06-09 18:41:02,0,1\n"
                           "3,u,vc,1,6,1,RUNNING,2020-06-09 18:41:01,2020-06-09 18:41:02,Unknown,,1\n"
                           "4,u,vc,1,6,1,CANCELLED,2020-06-09 18:41:01,,,nan,\n"
                           "5,u,vc,1,6,1,CANCELLED,2020-06-09 18:41:01,2020-06-09 18:41:02,2020-06-09 18:41:03,1,1\n"
                           "6,u,vc,1,6,0,COMPLETED,2020-06-09 18:41:01,2020-06-09 18:41:02,2020-06-09 18:41:03,1,1\n"
                           "7,u,vc,1,6,1,COMPLETED,2020-06-09 18:41:01,2020-06-09 18:41:03,2020-06-09 18:41:02,1,1\n"
                           "8,u,vc,1,6,1,COMPLETED,2020-06-09 25:41:01,2020-06-09 18:41:03,2020-06-09 18:41:02,1,1\n");
  EXPECT_EQ(skipped_of(trace), "2 never started, 1 cancelled before they ran, 1 had not ended");
  EXPECT_EQ(brief(trace), "5 vc 0+1 1x1\n");
  EXPECT_EQ(
      bad_of(trace),
      "7: node_num: expected a whole number from 1 to 1000000, found '0'\n"
      "8: end_time: expected a time after the start, by 100 years at most, found '2020-06-09 18:41:02'\n"
      "9: submit_time: expected a time such as 2017-10-09 07:01:55, 2017-10-09T07:01:55+08:00 or 1507532515, found "
      "'2020-06-09 25:41:01'\n");
}

TEST(Helios, MayComeWithoutVirtualClustersAndStarts) {
  const Trace trace = read("job_id,user,gpu_num,submit_time,duration\n7,u1,2,2020-06-09 18:41:01,60\n");
  EXPECT_EQ(trace.format, F::kHelios);
  EXPECT_EQ(brief(trace), "7 u1 0+60 1~2\n");
  EXPECT_EQ(error_of("gpu_num,submit_time,end_time,duration\n2,2020-06-09 18:41:01,2020-06-09 18:42:01,\n"),
            "2:1: no row of the trace is work that ran; 1 cannot be read, this one first: duration: expected seconds, "
            "where no column start_time stands beside it, found ''");
}

TEST(Acme, DurationsAreTakenFromTheTimes) {
  const Trace trace = read(
      "job_id,user,node_num,gpu_num,cpu_num,mem_per_pod_GB,shared_mem_per_pod,type,state,submit_time,start_time,"
      "end_time,fail_time,stop_time,duration,queue,gpu_time\n"
      "dlc1,uf794,8,64,960,1000,100.0,Other,FAILED,2023-05-17 11:00:58+00:00,2023-05-17 11:01:08+00:00,"
      "2023-05-17 11:01:16+00:00,2023-05-17 11:01:16+00:00,,18,10.0,1152.0\n"
      "dlc2,uf795,3,8,60,62.5,,Evaluation,COMPLETED,2023-05-17 19:00:59+08:00,2023-05-17 19:00:59+08:00,"
      "2023-05-17 19:01:59+08:00,,,60,0.0,480.0\n"
      "dlc3,uf795,1,8,60,lots,,Evaluation,COMPLETED,2023-05-17 19:00:59+08:00,2023-05-17 19:00:59+08:00,"
      "2023-05-17 19:01:59+08:00,,,60,0.0,480.0\n");
  EXPECT_EQ(trace.format, F::kAcme);
  EXPECT_EQ(brief(trace), "dlc1 uf794 0+8 8x8\ndlc2 uf795 1+60 1~8\n");
  EXPECT_EQ(trace.jobs[0].cpu, MilliCpu(120'000));
  EXPECT_EQ(trace.jobs[0].memory, Bytes(1'000'000'000'000));
  EXPECT_EQ(trace.jobs[1].memory, Bytes(187'500'000'000)) << "of all three pods, as it is one task now";
  EXPECT_EQ(bad_of(trace), "4: mem_per_pod_GB: expected gigabytes such as 1000 or 62.5, found 'lots'\n");
}

TEST(Acme, OfSerenHasNoMemory) {
  const Trace trace = read(
      "job_id,user,node_num,gpu_num,cpu_num,type,state,submit_time,start_time,end_time,duration,queue,gpu_time\n"
      "5778432,u5907,1,8,128,Other,FAILED,2023-03-01 00:18:22+08:00,2023-03-01 00:18:54+08:00,"
      "2023-03-01 00:20:51+08:00,117,32,936.0\n");
  EXPECT_EQ(trace.format, F::kAcme);
  EXPECT_EQ(brief(trace), "5778432 u5907 0+117 1x8\n");
}

// ---- slurm ----

TEST(Slurm, ReadsWhatAJobHeld) {
  const Trace trace = read(
      "JobID|JobName|User|Account|Partition|State|Submit|Start|End|Elapsed|Timelimit|NNodes|AllocCPUS|ReqTRES|"
      "AllocTRES\n"
      "101|train|ada|llm|gpu|COMPLETED|2026-03-01T08:00:00|2026-03-01T09:00:00|2026-03-02T10:00:01|1-01:00:01|"
      "2-00:00:00|2|128|cpu=2|billing=16,cpu=128,gres/gpu:a100=16,gres/gpu=16,mem=1000G,node=2\n"
      "101.batch|batch||llm||COMPLETED|2026-03-01T09:00:00|2026-03-01T09:00:00|2026-03-02T10:00:01|1-01:00:01||1|64||"
      "cpu=64,gres/gpu:a100=8,mem=500G,node=1\n"
      "101.extern|extern||llm||COMPLETED|||||||||\n"
      "101.0|python||llm||COMPLETED|||||||||\n"
      "102_4|sweep|ada||gpu|CANCELLED by 1000|2026-03-01T08:00:10|2026-03-01T09:00:00|2026-03-01T09:00:30|00:00:30|"
      "UNLIMITED|3|12|gres/gpu=8,node=3|\n"
      "103+1|het|||gpu|TIMEOUT|2026-03-01T08:00:20|2026-03-01T09:00:00|2026-03-01T10:30:00|01:30:00|90:00|1|4||"
      "cpu=4,gres/gpu:a100=1,gres/gpu:h100=2,mem=187.50M,node=1\n"
      "104|cpu||hpc|cpu|COMPLETED|2026-03-01T08:00:30|2026-03-01T09:00:00|2026-03-01T09:01:00|00:01:00|"
      "Partition_Limit|4|6||\n");
  EXPECT_EQ(trace.format, F::kSlurm);
  EXPECT_EQ(bad_of(trace), "");
  EXPECT_EQ(skipped_of(trace), "3 steps of jobs");
  EXPECT_EQ(brief(trace),
            "101 llm 0+90001 2x8\n"
            "102_4 ada 10+30 1~8\n"
            "103+1 gpu 20+5400 1x3\n"
            "104 hpc 30+60 4x0\n");
  const TraceJob& first = trace.jobs[0];
  EXPECT_EQ(first.gpu_models, std::vector<std::string>{"a100"});
  EXPECT_EQ(first.cpu, MilliCpu(64'000));
  EXPECT_EQ(first.memory, Bytes(500 * kGiB));
  EXPECT_EQ(first.time_limit, hours(48));
  EXPECT_EQ(first.outcome, "COMPLETED");
  EXPECT_EQ(trace.jobs[1].outcome, "CANCELLED");
  EXPECT_FALSE(trace.jobs[1].time_limit.has_value());
  EXPECT_EQ(trace.jobs[1].cpu, MilliCpu(12'000));
  EXPECT_EQ(trace.jobs[2].gpu_models, (std::vector<std::string>{"a100", "h100"}));
  EXPECT_EQ(trace.jobs[2].memory, Bytes(187 * kMiB + kMiB / 2));
  EXPECT_EQ(trace.jobs[2].time_limit, minutes(90));
  EXPECT_EQ(trace.jobs[3].cpu, MilliCpu(1'500));
  EXPECT_FALSE(trace.jobs[3].time_limit.has_value());
}

TEST(Slurm, OutputMayEndItsRowsWithABar) {
  const Trace trace = read(
      "JobID|Submit|Start|End|TimelimitRaw|AllocTRES|\n"
      "7|2026-03-01T08:00:00|2026-03-01T08:00:10|2026-03-01T08:00:40|90|gres/gpu=2,node=1|\n"
      "8|2026-03-01T08:00:00|2026-03-01T08:00:10|2026-03-01T08:00:40|0|gres/gpu=2,node=1|\n"
      "9|2026-03-01T08:00:00|2026-03-01T08:00:10|2026-03-01T08:00:40|90|gres/gpu=2,node=1\n");
  EXPECT_EQ(brief(trace), "7 - 0+30 1x2\n8 - 0+30 1x2\n");
  EXPECT_EQ(trace.jobs[0].time_limit, minutes(90));
  EXPECT_FALSE(trace.jobs[1].time_limit.has_value());
  EXPECT_EQ(bad_of(trace), "4: expected 7 columns as in the header, found 6\n");
}

TEST(Slurm, TheTimeThatWentByCountsAndNotTheLocalTimes) {
  const Trace trace = read(
      "JobIDRaw|Submit|Start|End|ElapsedRaw|ReqTRES\n"
      "7|2026-03-29T00:59:00|2026-03-29T00:59:00|2026-03-29T02:01:00|120|gres/gpu=1\n");
  EXPECT_EQ(brief(trace), "7 - 0+120 1x1\n") << "summer time began in between";
}

TEST(Slurm, WhatDidNotRunIsCountedApart) {
  const Trace trace = read(
      "JobID|State|Submit|Start|End|Elapsed|NNodes|AllocTRES\n"
      "1|PENDING|2026-03-01T08:00:00|Unknown|Unknown|00:00:00|1|\n"
      "2_[3-9]|CANCELLED by 0|2026-03-01T08:00:00|None|2026-03-01T09:00:00|00:00:00|1|\n"
      "3|CANCELLED|2026-03-01T08:00:00|2026-03-01T09:00:00|2026-03-01T09:00:00|00:00:00|0|\n"
      "4|RUNNING|2026-03-01T08:00:00|2026-03-01T09:00:00|Unknown|05:00:00|1|gres/gpu=1\n"
      "5|FAILED|2026-03-01T08:00:00|2026-03-01T09:00:00|2026-03-01T09:00:00|00:00:00|1|gres/gpu=1,node=1\n");
  EXPECT_EQ(skipped_of(trace), "2 never started, 1 cancelled before they ran, 1 had not ended");
  EXPECT_EQ(brief(trace), "5 - 0+0 1x1\n");
  const Trace without_ends = read(
      "JobID|State|Submit|Start|Elapsed|NNodes\n"
      "1|RUNNING|2026-03-01T08:00:00|2026-03-01T09:00:00|00:10:00|1\n"
      "2|COMPLETED|2026-03-01T08:00:00|2026-03-01T09:00:00|00:10:00|1\n");
  EXPECT_EQ(skipped_of(without_ends), "1 had not ended");
  EXPECT_EQ(brief(without_ends), "2 - 0+600 1x0\n");
}

TEST(Slurm, EachBadRowIsToldWithItsLine) {
  const Trace trace = read(
      "JobID|Submit|Start|End|Elapsed|Timelimit|NNodes|AllocTRES\n"
      "1|yesterday|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00||1|gres/gpu=x\n"
      "2|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|INVALID||1|\n"
      "3|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00|soon|1|\n"
      "4|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00||0|\n"
      "5|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00||1|gres/gpu=x\n"
      "6|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00||1|mem=5X\n"
      "7|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|40000-00:00:00||1|\n"
      "|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00||1|\n"
      "8|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:60:00||1|gres/gpu:a=1000000,gres/gpu:b=1\n"
      "9|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:60||1|\n"
      "10|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|1-02:03||1|\n"
      "11|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|01:00:00||1|cpu=1\n");
  EXPECT_EQ(brief(trace), "11 - 0+3600 1x0\n");
  constexpr std::string_view kElapsed = "Elapsed: expected [D-]HH:MM:SS of at most 100 years";
  EXPECT_EQ(
      bad_of(trace),
      fmt::format(
          "2: Submit: expected a time such as 2017-10-09 07:01:55, 2017-10-09T07:01:55+08:00 or 1507532515, found "
          "'yesterday'\n"
          "3: {0}, found 'INVALID'\n"
          "4: Timelimit: expected [D-]HH:MM:SS of at most 100 years, found 'soon'\n"
          "5: NNodes: expected at least 1 node of a job that ran, found '0'\n"
          "6: AllocTRES: expected a whole number from 0 to 1000000, found 'gres/gpu=x'\n"
          "7: AllocTRES: expected mem= with a size such as 500G, found 'mem=5X'\n"
          "8: {0}, found '40000-00:00:00'\n"
          "9: JobID: expected the number of a job, found ''\n"
          "10: {0}, found '01:60:00'\n"
          "11: {0}, found '01:00:60'\n"
          "12: {0}, found '1-02:03'\n",
          kElapsed));
}

TEST(Slurm, SumsOfModelsAreBoundedToo) {
  const Trace trace = read(
      "JobID|Submit|Start|End|AllocTRES\n"
      "1|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|gres/gpu:a=1000000,gres/gpu:b=1\n"
      "2|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T07:00:00|gres/gpu=1\n"
      "3|2026-03-01T08:00:00|2026-03-01T08:00:00|2026-03-01T09:00:00|gres/gpu:a=0,gres/gpu:b=1\n");
  EXPECT_EQ(bad_of(trace),
            "2: AllocTRES: expected at most 1000000 GPUs, found 'gres/gpu:a=1000000,gres/gpu:b=1'\n"
            "3: End: expected a time after the start, by 100 years at most, found '2026-03-01T07:00:00'\n");
  ASSERT_EQ(trace.jobs.size(), 1u);
  EXPECT_EQ(trace.jobs[0].gpu_models, std::vector<std::string>{"b"});
}

// ---- swf ----

TEST(Swf, ProcessorsAreTakenAsGpus) {
  const Trace trace = read(
      "; Version: 2.2\n"
      ";\n"
      "  1   10 5  100  8 -1 -1    8  3600 -1   1  7  3 -1 2 -1 -1 -1\n"
      "  2    0 5  100.5  -1 -1 2048 4  -1 1024 0 12 -1 -1 2 -1 -1 -1\n"
      "  3   20 5    0  1 -1 -1    1     0 -1   1 -1 -1 -1 2 -1 -1 -1\n"
      "  4   20 5    3  1 -1 -1    1    60 -1  -1 -1 -1.0 -1 -1 -1 -1 -1\n"
      "  5   30\t5    3  0 -1 -1    2    60 -1   1 -1 -1 -1 -1 -1 -1 -1\n");
  EXPECT_EQ(trace.format, F::kSwf);
  EXPECT_EQ(bad_of(trace), "");
  EXPECT_EQ(brief(trace),
            "2 user 12 0+100 1~4\n"
            "1 group 3 10+100 1~8\n"
            "3 queue 2 20+0 1x1\n"
            "4 - 20+3 1x1\n"
            "5 - 30+3 1~2\n");
  EXPECT_EQ(trace.jobs[0].memory, Bytes(4 * kMiB)) << "what was asked for, not what was used";
  EXPECT_EQ(trace.jobs[0].outcome, "failed");
  EXPECT_EQ(trace.jobs[0].runs, milliseconds(100'500));
  EXPECT_FALSE(trace.jobs[0].time_limit.has_value());
  EXPECT_EQ(trace.jobs[1].time_limit, hours(1));
  EXPECT_EQ(trace.jobs[1].outcome, "completed");
  EXPECT_FALSE(trace.jobs[2].time_limit.has_value());
  EXPECT_EQ(trace.jobs[3].outcome, "");
}

TEST(Swf, IsToldByItsFieldsWhereItHasNoComments) {
  EXPECT_EQ(read("1 10 5 100 8 -1 -1 8 3600 -1 1 7 3 -1 2 -1 -1 -1\n").format, F::kSwf);
  EXPECT_EQ(error_of("1 10 5 100 8 -1 -1 8 3600 -1 1 7 3 -1 2 -1 -1\n").substr(0, 23), "1:1: what trace is this");
}

TEST(Swf, WhatDidNotRunIsCountedApartAndTheRestIsBad) {
  const Trace trace = read(
      ";\n"
      "1 10 5  -1 -1 -1 -1  8 3600 -1 5 7 3 -1 2 -1 -1 -1\n"
      "2 10 5   0  0 -1 -1  8 3600 -1 5 7 3 -1 2 -1 -1 -1\n"
      "3 10 5  -1  8 -1 -1  8 3600 -1 1 7 3 -1 2 -1 -1 -1\n"
      "4 -1 5  10  8 -1 -1  8 3600 -1 2 7 3 -1 2 -1 -1 -1\n"
      "4 -1 5  10  8 -1 -1  8 3600 -1 3 7 3 -1 2 -1 -1 -1\n"
      "5 10 5  10  8 -1 -1  8 3600 -1 1 7 3 -1 2 -1 -1\n"
      "6 10 5  10 -1 -1 -1 -1 3600 -1 1 7 3 -1 2 -1 -1 -1\n"
      "7 -1 5  10  8 -1 -1  8 3600 -1 1 7 3 -1 2 -1 -1 -1\n"
      "8 10 5 -10  8 -1 -1  8 3600 -1 1 7 3 -1 2 -1 -1 -1\n"
      "9 10 5  10  8 -1 -1  8   an -1 1 7 3 -1 2 -1 -1 -1\n"
      "10 10 5 10  8 -1 -1  8   60 1e9 1 7 3 -1 2 -1 -1 -1\n"
      "11 10 5 10  8 -1 -1  8   60 999999999999999 1 7 3 -1 2 -1 -1 -1\n"
      "12 10 5 10  8 -1 -1  8   60 -1 1 7 3 -1 2 -1 -1 -1\n");
  EXPECT_EQ(skipped_of(trace), "2 cancelled before they ran, 1 without a run time, 2 parts of jobs");
  EXPECT_EQ(brief(trace), "12 group 3 0+10 1~8\n");
  EXPECT_EQ(bad_of(trace),
            "7: expected 18 fields, found 17\n"
            "8: requested processors (8): expected a whole number from 1 to 1000000, found '-1'\n"
            "9: submit time (2): expected seconds such as 66 or 66.5, at most 100 years, found '-1'\n"
            "10: run time (4): expected seconds such as 66 or 66.5, at most 100 years, found '-10'\n"
            "11: requested time (9): expected seconds such as 66 or 66.5, at most 100 years, found 'an'\n"
            "12: requested memory (10): expected kilobytes of a processor, found '1e9'\n"
            "13: requested memory (10): expected kilobytes of a processor, found '999999999999999'\n");
}

// ---- penstock ----

// One line of an event log, at so many seconds after midnight.
std::string event(int at, std::string_view what) {
  return fmt::format(R"({{"position":1,"at":"2026-06-01T00:{:02}:{:02}Z","epoch":1,"by":"ada","event":{{{}}}}})",
                     at / 60, at % 60, what) +
         "\n";
}

std::string submitted(int at, std::string_view uid, std::string_view groups, std::string_view more = {},
                      std::string_view contract = "acme/main") {
  return event(at, fmt::format(R"("type":"job.submitted","uid":"{0}","name":"acme/llm/j{0}","contract":"{1}",)"
                               R"("spec":{{"groups":[{2}]{3}}})",
                               uid, contract, groups, more));
}

std::string started(int at, std::string_view uid) {
  return event(at, fmt::format(R"("type":"job.started","allocation":{{"uid":"ff","job":"{}","tasks":[]}})", uid));
}

std::string finished(int at, std::string_view uid, std::string_view phase = "succeeded") {
  return event(at, fmt::format(R"("type":"job.finished","job":"{}","phase":"{}","reason":"completed")", uid, phase));
}

std::string ran(int at, std::string_view uid, std::string_view groups, std::string_view more = {}) {
  return submitted(at, uid, groups, more) + started(at + 1, uid) + finished(at + 10, uid);
}

constexpr std::string_view kGang = R"({"name":"main","replicas":4,"gpus":"8","cpu":"64","memory":"512GiB"})";

TEST(EventLog, BecomesTheJobsThatEnded) {
  const Trace trace = read(event(0, R"("type":"leadership.taken","epoch":1)") +
                           submitted(20, "a", kGang, R"(,"timeLimit":"PT2H","gpuModels":["H100"])") +
                           submitted(5, "b", R"({"name":"main","replicas":1,"gpus":0.5})") + started(21, "a") +
                           started(25, "b") + event(30, R"("type":"job.requeued","job":"a","reason":"node-lost")") +
                           started(40, "a") + finished(50, "b", "failed") + finished(141, "a") +
                           event(150, R"("type":"jobs.forgotten","jobs":["a","b"])"));
  EXPECT_EQ(trace.format, F::kPenstock);
  EXPECT_EQ(trace.rows, 2u);
  EXPECT_EQ(brief(trace), "acme/llm/jb acme/llm 0+25 1x0.5\nacme/llm/ja acme/llm 15+120 4x8\n");
  const TraceJob& gang = trace.jobs[1];
  EXPECT_EQ(gang.cpu, MilliCpu(64'000));
  EXPECT_EQ(gang.memory, Bytes(512 * kGiB));
  EXPECT_EQ(gang.time_limit, hours(2));
  EXPECT_EQ(gang.gpu_models, std::vector<std::string>{"H100"});
  EXPECT_EQ(gang.outcome, "succeeded");
  EXPECT_EQ(trace.jobs[0].outcome, "failed");
  EXPECT_FALSE(trace.jobs[0].time_limit.has_value());
}

TEST(EventLog, WorkOfSpotContractsIsPreemptible) {
  const auto contract = [](std::string_view service) {
    return event(0, fmt::format(R"("type":"object.applied","kind":"Contract","uid":"1","name":"acme/main",)"
                                R"("spec":{{"class":"{}","pricePerGpuHour":"1 USD"}})",
                                service));
  };
  const Trace trace = read(event(0, R"("type":"object.applied","kind":"Site","uid":"1","name":"north","spec":{})") +
                           contract("spot") + ran(1, "a", kGang) + contract("reserved") + ran(2, "b", kGang));
  ASSERT_EQ(trace.jobs.size(), 2u);
  EXPECT_TRUE(trace.jobs[0].preemptible);
  EXPECT_FALSE(trace.jobs[1].preemptible);
}

TEST(EventLog, GroupsBecomeOneKindOfTask) {
  const Trace trace = read(
      ran(0, "a", R"({"name":"x","replicas":2,"gpus":"1","cpu":"4"},{"name":"y","replicas":1,"gpus":"1","cpu":"5"})") +
      ran(1, "b", R"({"name":"x","replicas":2,"gpus":"8","cpu":"4"},{"name":"y","replicas":1,"gpus":"0","cpu":"5"})") +
      ran(2, "c", R"({"name":"x","replicas":2,"gpus":"8"},{"name":"y","replicas":1,"gpus":"0.5"})"));
  EXPECT_EQ(brief(trace), "acme/llm/ja acme/llm 0+9 3x1\nacme/llm/jb acme/llm 1+9 1~16\n");
  EXPECT_EQ(trace.jobs[0].cpu, MilliCpu(4'334)) << "their mean, rounded up";
  EXPECT_EQ(trace.jobs[1].cpu, MilliCpu(13'000)) << "of all, as it is one task now";
  EXPECT_EQ(skipped_of(trace), "1 of groups with different shares of a GPU");
}

TEST(EventLog, WhatDidNotRunToItsEndIsCountedApart) {
  const Trace trace =
      read(started(0, "z") + finished(1, "z") + finished(1, "y") + submitted(2, "a", kGang) + submitted(3, "b", kGang) +
           started(4, "b") + submitted(5, "c", kGang) + finished(6, "c", "cancelled") + ran(7, "d", kGang));
  EXPECT_EQ(skipped_of(trace), "2 never started, 1 had not ended, 2 whose submission is not in the log");
  EXPECT_EQ(brief(trace), "acme/llm/jd acme/llm 0+9 4x8\n");
  EXPECT_EQ(trace.rows, 6u);
}

TEST(EventLog, EachBadLineIsTold) {
  const Trace trace = read(
      submitted(0, "a", kGang) + "{\"position\":2,\n" + "[]\n" + R"({"position":3,"at":"2026-06-01T00:00:00Z"})" +
      "\n" + R"({"position":4,"at":"noon","event":{"type":"job.held"}})" + "\n" +
      R"({"position":5,"at":"2100-01-01T00:00:00Z","event":{"type":"job.held"}})" + "\n" +
      submitted(0, "b", R"({"name":"x","gpus":"1"})") + submitted(0, "c", R"({"name":"x","replicas":0,"gpus":"1"})") +
      submitted(0, "d", R"({"name":"x","replicas":1,"gpus":"one"})") + submitted(0, "a", kGang) +
      submitted(0, "e", R"({"name":"x","replicas":1000,"gpus":"1001"})") + submitted(0, "f", "") +
      submitted(0, "g", kGang, R"(,"timeLimit":"P40000D")") + event(0, R"("type":"job.finished","job":"a")") +
      started(1, "a") + finished(2, "a"));
  EXPECT_EQ(brief(trace), "acme/llm/ja acme/llm 0+1 4x8\n");
  EXPECT_EQ(
      bad_of(trace),
      "2: not JSON: incomplete JSON at column 15\n"
      "3: at: is missing\n"
      "4: event: is no mapping\n"
      "5: at: expected an RFC 3339 time such as 2026-06-01T00:00:00Z, or a date, found 'noon'\n"
      "6: at: is not from 1970 to 2099\n"
      "7: event.spec.groups[0].replicas: is missing\n"
      "8: event.spec.groups[0].replicas: is not from 1 to 1000000\n"
      "9: event.spec.groups[0].gpus: expected a number of GPUs such as 8, or a share of one such as 0.5, found 'one'\n"
      "10: event.uid: a was submitted before\n"
      "11: event.spec.groups: has no tasks, or more than a million tasks, GPUs or cores, or more than 1EiB\n"
      "12: event.spec.groups: has no tasks, or more than a million tasks, GPUs or cores, or more than 1EiB\n"
      "13: event.spec.timeLimit: is over 100 years\n"
      "14: event.phase: is missing\n");
}

}  // namespace
}  // namespace penstock

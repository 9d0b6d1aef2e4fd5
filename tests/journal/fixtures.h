// What the journal's tests share: records with content made from their positions, folders of their own, plain SQL.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "journal/journal.h"

namespace penstock {

/// A folder that is gone with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The record that holds `count` events from `first` on; its content follows from its position.
LogRecord record_at(Position first, std::uint32_t count = 1, Epoch epoch = 1);
/// One record of one event, and nothing else.
CommitBatch batch_at(Position first, Epoch epoch = 1);
Snapshot snapshot_at(Position position);
AuditRow audit_row(Position position, const std::string& tenant = "acme", const std::string& who = "acme/ada",
                   const std::string& operation = "apply");
ArchivedWorkload workload(std::uint64_t uid, const std::string& name = "acme/llm/train",
                          const std::string& tenant = "acme");

/// Every record that replay() gives after `after`. Fails the test if it gives none but an error.
std::vector<LogRecord> records_after(Journal& journal, Position after);
/// Commits one record of one event for each position from `first` to `last`.
void commit_through(Journal& journal, Position first, Position last);
/// A recovered journal in that file, or a failed test and null.
std::unique_ptr<Journal> recovered(const std::string& path);

/// A process that tries to open a journal when asked. Begun before this process opens that file: SQLite keeps what it
/// locked in memory, which a process forked later would inherit.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& path);
  /// Whether it is let in. Call once.
  bool can_open();

 private:
  int go_[2] = {-1, -1};
  int child_ = 0;
};

/// Runs SQL in a file that no journal holds. `query` gives the rows, columns joined by '|'.
void run_sql(const std::string& path, const std::string& sql);
std::vector<std::string> query(const std::string& path, const std::string& sql);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

}  // namespace penstock

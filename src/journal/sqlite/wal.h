// SQLite's write-ahead file read without SQLite, to tell a torn tail from damage in the middle.
#pragma once

#include <string>

#include "journal/sqlite/database.h"

namespace penstock {

/// What a write-ahead file holds. SQLite silently forgets everything after the first frame that does not check. That
/// is right for the tail of a commit that was cut off, and wrong where a later commit shows that the damaged one was
/// durable: commits follow each other only after the disk has confirmed.
struct WalState {
  std::uint64_t unfinished = 0;    ///< frames at the end that belong to a commit which never became durable
  std::string damage;              ///< what is damaged although it was durable; empty if nothing
  std::uint64_t intact_bytes = 0;  ///< where there is damage: how much before it can be kept; 0 if nothing
};

/// Reads the write-ahead file at `path`; a missing file is an empty one. `database`, which it belongs to, holds its
/// lock and has written nothing yet. kUnavailable if the file cannot be read.
Result<WalState> inspect_wal(const std::string& path, Database& database);

}  // namespace penstock

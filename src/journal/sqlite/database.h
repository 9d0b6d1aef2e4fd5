// One SQLite connection and its statements, owned; failures come back as Errors that a person can act on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_blob;
struct sqlite3_stmt;

namespace penstock {

/// A prepared statement. Columns count from 0. Must not outlive its Database.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* owned) : statement_(owned) {}

  /// Starts over with these parameters in order: integers, text, or an empty optional for NULL. They are copied in.
  template <class... Values>
  void bind(const Values&... values) {
    put_all(Keep::kCopy, values...);
  }

  /// Moves to the next row; false after the last, and then the statement holds no lock. A parameter that could not
  /// be bound is reported here.
  Result<bool> step();

  /// Binds these parameters, uncopied (a snapshot is large), and steps to the end.
  template <class... Values>
  Status run(const Values&... values) {
    put_all(Keep::kBorrow, values...);
    return finish();
  }

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  ///< valid until the next step

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  enum class Keep { kCopy, kBorrow };

  template <class... Values>
  void put_all([[maybe_unused]] Keep keep, const Values&... values) {
    rewind();
    int index = 0;
    (put(++index, values, keep), ...);
  }
  void rewind();
  void put(int index, std::int64_t value, Keep);
  void put(int index, std::optional<std::string_view> value, Keep keep);
  Status finish();

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int unbound_ = 0;  // SQLite's code of the first parameter that could not be bound
};

/// One value, open to be read in pieces: the way to where it lies is walked once, not for each piece. While it is open
/// the write-ahead file cannot be folded in. Must not outlive its Database.
class Blob {
 public:
  explicit Blob(sqlite3_blob* owned, sqlite3* connection) : blob_(owned), connection_(connection) {}

  std::uint64_t size() const;
  /// At most `most` bytes from `offset` on; none from its end on.
  Result<std::string> read(std::uint64_t offset, std::size_t most);

 private:
  struct Close {
    void operator()(sqlite3_blob* blob) const;
  };

  std::unique_ptr<sqlite3_blob, Close> blob_;
  sqlite3* connection_;
};

/// A connection. Failures are kUnavailable where the disk, the file system or another process stands in the way,
/// kInternal where the file is damaged, kTooLarge for a value over SQLite's limit of a gigabyte.
class Database {
 public:
  /// Opens an existing file through the VFS of that name (empty: the system's own). Nothing is read yet.
  static Result<Database> open(const std::string& path, const std::string& vfs);

  /// Runs statements that take no parameters and whose rows do not matter.
  Status execute(const char* statements);
  Result<Statement> prepare(std::string_view sql);
  /// The value in that column of the row with that integer key. Requires the row.
  Result<Blob> open_value(const char* table, const char* column, std::int64_t row);
  /// The first column of the first row. Requires a row.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// Bytes of the database file as they are on disk, past the write-ahead file; empty where the file is shorter. Any
  /// other way to open and close the file would lose this process its lock.
  std::string raw(std::int64_t offset, std::size_t size);
  /// Writes the write-ahead file over itself, byte for byte, and syncs it. After a failed sync its last commits may be
  /// readable from memory and yet never reach the disk; then they do, or this fails.
  Status rewrite_wal();
  /// Whether closing folds the write-ahead file into the database (SQLite's own habit) or leaves both as they are.
  void checkpoint_on_close(bool yes);

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };

  explicit Database(sqlite3* owned) : connection_(owned) {}

  std::unique_ptr<sqlite3, Close> connection_;
};

}  // namespace penstock

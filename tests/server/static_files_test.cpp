// What of a directory the console's address gives out, to whom, and under which headers.
#include <filesystem>

#include "base/files.h"
#include "server/http/static_files.h"
#include "stack.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

class Assets : public testing::Test {
 protected:
  Assets() {
    const std::string dir = (root / "console").string();
    EXPECT_TRUE(make_directories(dir + "/assets", 0755).ok());
    put("secret", "the operator's token");
    put("console/index.html", "<html>");
    put("console/assets/index-1234.js", "run()");
    put("console/assets/index-1234.js.gz", "zipped");
    put("console/orphan.gz", "zipped");
    fs::create_symlink(root / "secret", root / "console/link.txt");
    fs::create_directory_symlink(root, root / "console/up");
    auto read = StaticFiles::read({dir, "https://login.example.com/realms/x"});
    EXPECT_TRUE(read.ok());
    files = std::move(*read);
  }
  ~Assets() override { fs::remove_all(root); }

  void put(const std::string& name, const std::string& text) { EXPECT_TRUE(write_file((root / name).string(), text, Lasting::kProcess).ok()); }
  HttpResponse get(const std::string& target, const RequestHeaders& headers = {}, const std::string& method = "GET") const {
    return files.answer({method, target, headers, {}, {}});
  }
  static std::string header(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return {};
  }

  fs::path root = fs::path(testing::TempDir()) / fmt::format("assets-{}-{}", ::getpid(), testing::UnitTest::GetInstance()->current_test_info()->name());
  StaticFiles files;
};

TEST_F(Assets, AreGivenWithTheirTypeAndKept) {
  const HttpResponse script = get("/console/assets/index-1234.js");
  EXPECT_EQ(script.body, "run()");
  EXPECT_EQ(script.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(header(script, "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(header(get("/console/"), "Cache-Control"), "no-cache");
  const HttpResponse again = get("/console/", {{"if-none-match", header(get("/console/"), "ETag")}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
}

TEST_F(Assets, AreSentZippedToThoseWhoTakeIt) {
  const HttpResponse zipped = get("/console/assets/index-1234.js", {{"accept-encoding", "br, gzip"}});
  EXPECT_EQ(zipped.body, "zipped");
  EXPECT_EQ(header(zipped, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(zipped, "Vary"), "Accept-Encoding");
  EXPECT_EQ(get("/console/orphan.gz").status, 404);
  EXPECT_EQ(get("/console/orphan", {{"accept-encoding", "gzip"}}).body, "<html>");
}

TEST_F(Assets, APageOfTheApplicationIsItsIndex) {
  EXPECT_EQ(get("/console/jobs/acme/llm/train-7?rank=2").body, "<html>");
  EXPECT_EQ(get("/console/assets/gone-99.js").status, 404);
  EXPECT_EQ(get("/").status, 302);
  EXPECT_EQ(header(get("/"), "Location"), "/console/");
  EXPECT_EQ(header(get("/console"), "Location"), "/console/");
  EXPECT_EQ(get("/console/", {}, "POST").status, 405);
}

TEST_F(Assets, NothingOutsideOfTheDirectoryIsGiven) {
  for (const std::string target : {"/console/../secret", "/console/%2e%2e/secret", "/console/..%2fsecret", "/console//secret", "/console/assets/../../secret",
                                   "/console/link.txt", "/console/up/secret", "/console/./link.txt", "/console/..\\secret"}) {
    const HttpResponse response = get(target);
    EXPECT_EQ(response.body.find("token"), std::string::npos) << target;
    EXPECT_TRUE(response.status == 404 || response.body == "<html>") << target;
  }
}

TEST_F(Assets, APageRunsOnlyWhatCameWithIt) {
  for (const std::string target : {"/", "/console/", "/console/assets/index-1234.js", "/console/nothing.js"}) {
    const HttpResponse response = get(target);
    const std::string policy = header(response, "Content-Security-Policy");
    EXPECT_NE(policy.find("default-src 'self'"), std::string::npos) << target;
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << target;
    EXPECT_NE(policy.find("connect-src 'self' https://login.example.com;"), std::string::npos) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos) << target;
    EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer") << target;
  }
}

TEST(NoAssets, SayHowTheyAreBuilt) {
  const auto none = StaticFiles::read({});
  ASSERT_TRUE(none.ok());
  const HttpResponse response = none->answer({"GET", "/console/", {}, {}, {}});
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.body.find("npm --prefix console run build"), std::string::npos);
}

TEST(NoAssets, LeaveTheApiAlone) {
  const StaticFiles none;
  EXPECT_TRUE(none.serves("/"));
  EXPECT_TRUE(none.serves("/console/x?y"));
  EXPECT_FALSE(none.serves("/v1/jobs"));
  EXPECT_FALSE(none.serves("/consoles"));
  EXPECT_FALSE(none.serves("/healthz"));
}

}  // namespace
}  // namespace penstock

// cmd: one command through the endpoint of workers.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cachelab/http/url_target.h"
#include "cli/verbs.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct CmdOptions {
  std::string type;
  std::vector<std::string> words;
  std::string url = "http://127.0.0.1:8080/cmd";
  bool allow_remote = false;
  int timeout_seconds = 5;
};

int RunCmd(const CmdOptions& options) {
  const cachelab::HttpAnswer answer = cachelab::AskEndpoint(
      options.url, options.type, options.words, options.allow_remote, options.timeout_seconds);
  if (answer.status == 0) {
    throw runner::UserError("cmd: " + answer.error +
                            ": ./resprobe workers --listen PORT serves one");
  }
  std::printf("%s\n",
              Json(answer.body).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return answer.status == 200 ? runner::kAllWell : runner::kFinding;
}

}  // namespace

Verb CmdVerb() {
  const auto options = std::make_shared<CmdOptions>();
  Verb verb("cmd", "send one command through the cache, or past it");
  verb.details =
      "Sends a command through caching workers, or past their cache, and prints the answer. The "
      "workers are those of ./resprobe workers, or what else answers at the URL as they do. Words "
      "that begin with a dash go after --.";
  verb.examples = {{"cmd cached get k", "reads a key through the cache"},
                   {"cmd cached -- zadd k -1 m", "passes a word that begins with a dash"}};
  verb.exit_codes = "0 a reply, 1 an error, 2 wrong use.";
  verb.Choice("CLASS", {"cached", "direct", "relay", "redis"}, &options->type,
              "cached (or relay): through the cache; direct (or redis): past it")
      .Required();
  verb.Arguments("COMMAND", &options->words, "The command and its arguments").Required();
  verb.Text("--url", "URL", &options->url, "The endpoint").ShowDefault();
  verb.Flag("--allow-remote", &options->allow_remote, "Accept an endpoint on another machine");
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, runner::kMostSeconds,
              "An endpoint that does not answer for this long is not waited for")
      .ShowDefault();
  verb.run = [=] { return RunCmd(*options); };
  return verb;
}

}  // namespace resprobe::cli

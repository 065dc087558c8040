// cmd: one command through the endpoint of workers.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cachelab/http/url_target.h"
#include "cli/verbs.h"
#include "runner/output.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct CmdOptions {
  std::string type;
  std::vector<std::string> words;
  std::string url = "http://127.0.0.1:8080/cmd";
  bool allow_remote = false;
};

int RunCmd(const CmdOptions& options) {
  const live::HttpAnswer answer =
      live::AskEndpoint(options.url, options.type, options.words, options.allow_remote);
  if (answer.status == 0) {
    throw UserError("cmd: " + answer.error + ": ./resprobe workers --listen PORT serves one");
  }
  std::printf("%s\n",
              Json(answer.body).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return answer.status == 200 ? kAllWell : kFinding;
}

}  // namespace

void AddCmd(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand(
      "cmd", "Send one command through caching workers, or past their cache, and print the answer");
  verb->footer(
      "The workers are those of ./resprobe workers, or what else answers at the URL as they do.\n"
      "What begins with a dash goes behind --: cmd cached -- zadd k -1 m\n"
      "Exit code: 0 a reply, 1 an error, 2 wrong use.");
  const auto options = std::make_shared<CmdOptions>();
  verb->add_option("CLASS", options->type,
                   "cached (or relay): through the cache; direct (or redis)")
      ->required()
      ->type_name("cached|direct")
      ->check(CLI::IsMember({"cached", "direct", "relay", "redis"}));
  verb->add_option("COMMAND", options->words, "The command and its arguments")
      ->required()
      ->type_name("WORD…");
  verb->add_option("--url", options->url, "The endpoint")->type_name("URL")->capture_default_str();
  verb->add_flag("--allow-remote", options->allow_remote, "Let it be on another machine");
  verb->callback([=] { *code = RunCmd(*options); });
}

}  // namespace resprobe::cli

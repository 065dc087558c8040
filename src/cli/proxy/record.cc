// record: a proxy that makes cases of what passes through it.

#include <memory>

#include "cli/verbs.h"
#include "live/record/recorder.h"
#include "runner/whole_number.h"

namespace resprobe::cli {

void AddRecord(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand(
      "record",
      "Record real traffic as cases: a proxy before a server. Point clients at its port; Ctrl-C "
      "ends it and keeps everything");
  const auto options = std::make_shared<live::RecordOptions>();
  verb->add_option("--listen", options->listen_port, "Port for the clients; 0 picks a free one")
      ->required()
      ->check(WholeNumber(0, 65535));
  verb->add_option("--server", options->server, "HOST:PORT of the server")->required();
  verb->add_option("--output", options->output,
                   "Folder for the cases: DIR/HARNESS/request-HASH, reply-HASH, query-HASH")
      ->required();
  verb->add_option("--max-case", options->max_case_bytes,
                   "Most bytes of a case; streams are cut where a message ends")
      ->check(WholeNumber(1, 1 << 30))
      ->capture_default_str();
  verb->add_option("--leave-out", options->leave_out,
                   "Keep no request that begins with these words in cases of ops, such as the "
                   "'COMMAND DOCS' of every redis-cli; may be given again")
      ->type_name("WORDS")
      ->allow_extra_args(false);
  verb->add_flag("--allow-remote", options->allow_remote,
                 "Let the server be on another machine, and clients come from other machines");
  verb->callback([=] { *code = live::RunRecord(*options); });
}

}  // namespace resprobe::cli

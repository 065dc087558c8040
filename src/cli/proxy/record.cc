// record: a proxy that records cases from the traffic that passes through it.

#include <memory>

#include "cli/server_options.h"
#include "cli/verbs.h"
#include "live/record/recorder.h"

namespace resprobe::cli {

Verb RecordVerb() {
  const auto options = std::make_shared<live::RecordOptions>();
  const auto server = std::make_shared<ServerOptions>();
  Verb verb("record", "record real traffic as cases");
  verb.details =
      "A proxy between clients and a server. Point clients at its port; Ctrl-C ends it "
      "and keeps everything. In front of the cluster bus of a node (its port and 10000), which "
      "announces the proxy's port (cluster-announce-bus-port), it keeps the packets that other "
      "nodes exchange with it: ./resprobe show prints them.";
  verb.examples = {{"record --listen 7000 --server 127.0.0.1:6379 --output recorded",
                    "records what clients of port 7000 do"},
                   {"record --listen 7000 --start redis-server --output recorded",
                    "does the same with a private server"}};
  verb.exit_codes = "0 ended by Ctrl-C or SIGTERM, 2 wrong use.";
  verb.Number("--listen", "PORT", &options->listen_port, 0, 65535,
              "Port for the clients; 0 picks a free one")
      .Required();
  server->AddTo(&verb, {.flush = false, .hang = false, .listens = true, .required = true});
  verb.Text("--output", "DIR", &options->output,
            "Folder for the cases: DIR/HARNESS/request-HASH, reply-HASH, query-HASH")
      .Required()
      .Complete(Completion::kFolder);
  verb.Size("--max-case", &options->max_case_bytes, 1, 1 << 30,
            "Maximum bytes of a case; streams are cut at the end of a message")
      .ShowDefault();
  verb.Texts("--leave-out", "WORDS", &options->leave_out,
             "Keep no request that begins with these words in cases of ops, such as the 'COMMAND "
             "DOCS' of every redis-cli");
  verb.run = [=] {
    options->target = server->Target();
    return live::RunRecord(*options);
  };
  return verb;
}

}  // namespace resprobe::cli

// A Toxiproxy that says yes and does something else, for the test of `proxy --toxiproxy`.
//   usage: lying_toxiproxy -host HOST -port PORT …
// LIE in the environment is what it does to a toxic: "attribute", "toxicity", "missing", "refuse",
// "end" (it ends there), or none. What it is told to delete it keeps, and writes to the file
// DELETED.

#include <httplib.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

int main(int argc, char** argv) {
  using nlohmann::json;
  if (argc < 5) return 2;
  const char* const set = std::getenv("LIE");
  const std::string lie = set == nullptr ? "" : set;
  httplib::Server server;
  json toxics = json::array();
  server.Get("/version", [](const auto&, auto& answer) {
    answer.set_content("9.9.9", "text/plain");  // as old ones say it
  });
  server.Get("/proxies", [](const auto&, auto& answer) { answer.set_content("{}", "x"); });
  server.Post("/proxies", [](const auto& request, auto& answer) {
    answer.status = 201;
    answer.set_content(request.body, "application/json");
  });
  server.Delete(".*", [](const auto& request, auto& answer) {
    if (const char* const file = std::getenv("DELETED")) std::ofstream(file) << request.path;
    answer.status = 500;
  });
  server.Get(R"(/proxies/\w+/toxics)", [&](const auto&, auto& answer) {
    answer.set_content(toxics.dump(), "application/json");
  });
  server.Post(R"(/proxies/\w+/toxics)", [&](const auto& request, auto& answer) {
    if (lie == "end") std::_Exit(1);
    json toxic = json::parse(request.body);
    if (lie == "attribute") toxic["attributes"].front() = 7;
    if (lie == "toxicity") toxic["toxicity"] = 0.5;
    if (lie == "missing") toxic.erase("stream");
    if (lie == "refuse") {
      answer.status = 400;
      toxic = {{"error", "invalid toxic type"}, {"status", 400}};
    } else {
      toxics.push_back(toxic);
    }
    answer.set_content(toxic.dump(), "application/json");
  });
  return server.listen(argv[2], std::atoi(argv[4])) ? 0 : 1;
}

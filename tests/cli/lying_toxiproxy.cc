// A Toxiproxy that reports success and does something else, for the test of `proxy --toxiproxy`.
// usage: lying_toxiproxy -host HOST -port PORT … The environment variable LIE selects what it does
// to a toxic: "attribute", "toxicity", "missing", "refuse", "end" (it exits there), or none. It
// does not delete what it is asked to delete, but writes it to the file DELETED.

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
    answer.set_content("9.9.9", "text/plain");  // format of old versions
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

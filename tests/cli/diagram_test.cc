#include "cli/cases/diagram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace resprobe::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The values of an attribute in the elements that contain `what`, in order.
std::vector<int> Values(const std::string& svg, const std::string& what, const std::string& name) {
  std::vector<int> values;
  for (size_t at = 0; at < svg.size();) {
    const size_t end = std::min(svg.find('>', at), svg.size());
    const std::string element = svg.substr(at, end - at);
    const size_t found = element.find(" " + name + "=\"");
    if (element.find(what) != element.npos && found != element.npos) {
      values.push_back(std::atoi(element.c_str() + found + name.size() + 3));
    }
    at = end + 1;
  }
  return values;
}

// What is between tags, without the tags.
std::string TextsOf(const std::string& svg) {
  std::string texts;
  for (size_t at = svg.find("<text"); at != svg.npos; at = svg.find("<text", at + 1)) {
    const size_t start = svg.find('>', at) + 1;
    texts += svg.substr(start, svg.find('<', start) - start) + " ";
  }
  return texts;
}

int HeightOf(const std::string& svg) { return Values(svg, "<svg", "height").at(0); }

constexpr char kExchange[] =
    "#0 read client=0 key=0 how=cached\n"
    "  c0 sends GET k0 (#21)\n"
    "  server gets GET k0 of c0 (#21)\n"
    "  server sends \"v1\" to c0 (#22)\n"
    "  c0 gets \"v1\" (#22)\n";

std::string Handshake(int client, int number) {
  const std::string c = "c" + std::to_string(client);
  const auto at = [&](int i) { return " (#" + std::to_string(number + i) + ")\n"; };
  return "  " + c + " sends HELLO 3" + at(0) + "  " + c + " sends CLIENT TRACKING ON" + at(1) +
         "  server gets HELLO 3 of " + c + at(0) + "  server gets CLIENT TRACKING ON of " + c +
         at(1) + "  server sends {\"server\": \"redis\"} to " + c + at(2) +
         "  server sends OK to " + c + at(3) + "  " + c + " gets {\"server\": \"redis\"}" + at(2) +
         "  " + c + " gets OK" + at(3);
}

TEST(Diagram, AHandshakeIsOneRow) {
  const std::string with = SequenceDiagram("t", Handshake(0, 1) + kExchange);
  const std::string without = SequenceDiagram("t", kExchange);
  EXPECT_EQ(HeightOf(with) - HeightOf(without), 20);
  EXPECT_THAT(TextsOf(with), HasSubstr("HELLO 3, CLIENT TRACKING ON"));
  EXPECT_THAT(with, Not(HasSubstr("redis")));
  // The reply to what comes after it is none of the handshake's.
  EXPECT_THAT(TextsOf(with), HasSubstr("&quot;v1&quot;"));
}

TEST(Diagram, TheHandshakeOfASecondConnectionIsInTheSameRow) {
  const std::string second =
      "  c0 sends on wire 1 HELLO 3 (#1)\n"
      "  server gets HELLO 3 of c0 (#1)\n"
      "  server sends {\"server\": \"redis\"} to c0 on wire 1 (#2)\n"
      "  c0 gets {\"server\": \"redis\"} (#2)\n";
  const std::string with = SequenceDiagram("t", second + Handshake(0, 3) + kExchange);
  EXPECT_EQ(HeightOf(with), HeightOf(SequenceDiagram("t", Handshake(0, 3) + kExchange)) + 13);
  EXPECT_THAT(with, Not(HasSubstr("redis")));
  EXPECT_THAT(TextsOf(with), HasSubstr("on wire 1 HELLO 3, HELLO 3"));
}

TEST(Diagram, AHandshakeThatIsCutShortShowsWhatArrived) {
  std::string trace = Handshake(0, 1);
  trace = trace.substr(0, trace.find("  server sends"));
  const std::string svg = SequenceDiagram("t", trace);
  EXPECT_THAT(TextsOf(svg), HasSubstr("HELLO 3, CLIENT TRACKING ON"));
  EXPECT_THAT(svg, Not(HasSubstr("class=\"lost\" marker")));
}

TEST(Diagram, AMessageThatIsLostEndsBetweenItsLaneAndTheNext) {
  // Three clients and the server: the middle between client 0 and the server is a lane of others.
  for (const int client : {0, 1, 2}) {
    const std::string svg = SequenceDiagram("t", Handshake(2, 1) + "  c" + std::to_string(client) +
                                                     " sends GET k2 (#15), which is lost\n");
    const std::vector<int> lanes = Values(svg, "class=\"lane\"", "x1");
    ASSERT_EQ(lanes.size(), 4u);
    const std::vector<int> from = Values(svg, "class=\"lost\" marker", "x1");
    const std::vector<int> to = Values(svg, "class=\"lost\" marker", "x2");
    ASSERT_EQ(to.size(), 1u);
    const std::set<int> sorted(lanes.begin(), lanes.end());
    const int next = *sorted.upper_bound(from[0]);
    EXPECT_GT(to[0], from[0] + 20);
    EXPECT_LT(to[0], next - 20);
  }
}

TEST(Diagram, AMessageThatIsLostGoesTowardsTheServerOfItsConnection) {
  // The client is connected to the replica, which is drawn to the right of the primary.
  const std::string svg = SequenceDiagram("t",
                                          "  primary starts\n"
                                          "  c0 connects\n"
                                          "  c0 sends GET k0 (#1)\n"
                                          "  replica gets GET k0 of c0 (#1)\n"
                                          "  replica pushes invalidate k0 to c0 (#2)\n");
  const std::vector<int> lanes = Values(svg, "class=\"lane\"", "x1");
  const std::vector<int> from = Values(svg, "class=\"lost\" marker", "x1");
  ASSERT_EQ(from.size(), 1u);
  EXPECT_EQ(from[0], *std::max_element(lanes.begin(), lanes.end()));
}

TEST(Diagram, NothingIsCut) {
  std::string value;
  for (int i = 0; i < 30; ++i) value += "word" + std::to_string(i) + " ";
  value += std::string(100, 'x');
  const std::string title = "work/findings/invalidation/" + std::string(150, 't') + ": violation";
  const std::string svg = SequenceDiagram(title, "  c0 sends SET k0 " + value + " (#1)\n");
  std::string texts = TextsOf(svg);
  std::erase(texts, ' ');
  std::string wanted = value;
  std::erase(wanted, ' ');
  EXPECT_THAT(texts, HasSubstr(wanted));
  EXPECT_THAT(texts, HasSubstr(std::string(150, 't') + ":violation"));
  EXPECT_GT(HeightOf(svg), HeightOf(SequenceDiagram("t", "  c0 sends SET k0 v (#1)\n")));
}

TEST(Diagram, EveryTextHasABackgroundAboveTheLines) {
  const std::string svg = SequenceDiagram("t", Handshake(0, 1) + kExchange);
  for (size_t at = svg.find("<text"); at != svg.npos; at = svg.find("<text", at + 1)) {
    EXPECT_TRUE(svg.substr(0, at).ends_with("class=\"behind\"/>"));
  }
  EXPECT_LT(svg.rfind("<line"), svg.find(">client 0<"));
}

}  // namespace
}  // namespace resprobe::cli

#ifndef RESPROBE_REPORT_ESCAPE_H_
#define RESPROBE_REPORT_ESCAPE_H_

#include <string>

// Text that may quote what a foreign program has sent, any bytes, for the formats of a report. In
// each of them, bytes that are not UTF-8, control characters, and those that change the direction
// of text become \xHH or \u{HHHH}; lines and tabs stay as they are, unless it says otherwise.
namespace resprobe::report {

// For the content of elements and for values of attributes in double quotes, in XML 1.0 and HTML.
std::string XmlText(const std::string& text);
// For running text and cells of tables in Markdown: one line. Nothing in it is markup.
std::string MarkdownText(const std::string& text);
// A block of code in Markdown, which the text cannot end.
std::string MarkdownBlock(const std::string& text);
// For formats that need no escapes of their own: JSON's strings.
std::string VisibleText(const std::string& text);

// A relative path as a URI.
std::string UriOf(const std::string& path);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_ESCAPE_H_

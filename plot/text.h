/* text.h - any bytes as a text that gnuplot shows and never executes. */
#ifndef PAM_PLOT_TEXT_H
#define PAM_PLOT_TEXT_H

#include <stddef.h>
#include <stdio.h>

/* Writes `text` in single quotes, shortened to `max` characters with an ellipsis.
 *
 * Within single quotes gnuplot (5.4 and 6) takes every byte as it is but the quote. Doubling it is
 * not safe: 5.4 reads the '' at the start of a string as a string of its own. So a quote becomes a
 * character that looks the same, and so do the back-quote (a command) and the backslash (\U+hhhh),
 * lest all hang on one scanner. What could end the line or confuse the eye becomes U+FFFD: control
 * characters, bytes that are not UTF-8, line separators, marks that turn the direction of
 * writing. */
void plot_text_quote(FILE *out, const char *text, size_t max);

#endif

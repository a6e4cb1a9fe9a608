"""Files of any size through a metric: tables read, scored window by window, written, resumed."""

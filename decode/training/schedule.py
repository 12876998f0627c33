"""The learning rate of every step."""
from __future__ import annotations
import numpy as np

def one_cycle(n_steps, peak, warm=0.25, start=0.1, final=0.0):
    t=(np.arange(n_steps)+0.5)/n_steps
    up=start+(1-start)*(1-np.cos(np.pi*np.minimum(t/warm,1)))/2
    down=final+(1-final)*(1+np.cos(np.pi*np.clip((t-warm)/(1-warm),0,1)))/2
    return peak*np.where(t<warm,up,down)
